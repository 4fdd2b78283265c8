"""The life of a mall: installed, onboarded, limited by its plan, suspended, gone, removed, and back again."""
