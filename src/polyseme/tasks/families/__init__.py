"""Families of tasks, one file each: what is represented, what is predicted, how it is scored.

A file has a class `Family`; its name is what a task module gives as FAMILY.
"""
