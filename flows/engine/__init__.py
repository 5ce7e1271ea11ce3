"""The engine: one process that trades a book for a day, is steered, and dies at any moment without losing anything."""
