"""Representations, one file each, behind `polyseme.models.base.Representation`."""
