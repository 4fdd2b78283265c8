"""The sandbox mall as a shop that lives: its rows on disk, at any moment, as the Admin API shows them."""
