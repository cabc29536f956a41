"""Small files of the user read within bounds, outputs replaced in one step, locks that exclude."""
