"""What is measured against others, kept apart from the tests."""
