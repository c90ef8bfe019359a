"""From the tidy table to tables, figures and pages."""
