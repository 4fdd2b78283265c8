"""The built-in sandbox mall: invented data with a known truth planted in it."""
