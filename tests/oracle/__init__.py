"""Independent implementations that the tests compare with; they import nothing of the project."""
