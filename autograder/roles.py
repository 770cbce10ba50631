"""The roles of an assignment's cells, and the header by which an author gives a cell its role."""

ROLES = {
    "setup": "setup=true",
    "given": 'given="name"',
    "figure": 'figure="name"',
    "solution": 'solution="exercise"',
    "check": 'check="exercise" points=3',
    "hidden": 'hidden="exercise" points=4',
    "regression": 'regression="name"',
    "regression_points": "regression_points=5",
}

GRADED = ("check", "hidden", "regression_points")
"""Cells that carry points in the gradebook."""

JUDGES = (*GRADED, "regression")
"""Cells that grading judges or compares; students' copies of them never count."""
