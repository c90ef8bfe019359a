"""The controlled language: English-like documents whose truth is known."""
