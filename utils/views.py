"""How a check looks at an answer that is free in part: what matters of it, as plain values to be compared.

A view gets the answer (made of plain values) and the arguments of the case. It runs where the check runs:
under grading, that is out of reach of the student's code. It takes nothing about the answer for granted;
where it cannot look at it, it raises `WrongForm`.
"""


class WrongForm(Exception):
    """The answer has not the form that the exercise asks for; the text says which, for the student.

    It is shown for hidden cases, too, so it holds no numbers of the case.
    """
