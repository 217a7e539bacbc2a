"""Results to text: pure functions, never wider than 100 columns."""
