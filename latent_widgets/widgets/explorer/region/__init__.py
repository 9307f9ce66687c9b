"""Its page on a painted region."""
