"""Commands that need an aircraft."""
