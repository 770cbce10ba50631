"""A penalty that grows with each day of lateness: a plug-in for nbgrader's late submissions.

In nbgrader_config.py:

    c.AssignLatePenalties.plugin_class = "autograder.lateness.PercentPerDay"
    c.PercentPerDay.percent = 10

nbgrader knows when an assignment is due from

    nbgrader db assignment add NAME --duedate "2026-11-02 23:59 CET"

and when it was handed in from the timestamp.txt beside the submission, where there is one.
"""

from __future__ import annotations

import math

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float

DAY_SECONDS = 24 * 60 * 60


class PercentPerDay(LateSubmissionPlugin):
    """Takes off a share of the student's score for each day that has begun."""

    percent = Float(10.0, min=0, max=100, help="of the score, for each day that has begun").tag(config=True)
    grace_minutes = Float(10.0, min=0, help="lateness that costs nothing").tag(config=True)
    most_percent = Float(100.0, min=0, max=100, help="never more than this").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """Points to be taken off; None for none."""
        late = total_seconds_late - 60 * self.grace_minutes
        if late <= 0:
            return None
        days = math.ceil(late / DAY_SECONDS)
        return score * min(days * self.percent, self.most_percent) / 100
