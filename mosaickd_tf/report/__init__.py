"""What a person can look at."""
