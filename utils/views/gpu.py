"""How checks look at what happened on a GPU: which mistake it was, in words for the student."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from . import WrongForm, need

SEEN = {
    "device": "text",
    "simulated": "bool",
    "refused": "text",
    "unregistered": "bool",
    "computed": "dict",
    "copies": "dict",
    "answers": ["text"],
}
CALLS = [{"place": "text", "home": "text", "training": "bool"}]  # where pictures and model are

NUMPY = (
    "Your code turns a tensor that is on the GPU into a NumPy array, which a GPU refuses: fetch it first, "
    "`.cpu().numpy()`, or stay with PyTorch."
)
FIXED = (
    'Your code chooses the GPU on its own (`"cuda"` or `.cuda()`). A machine may have several, and another '
    "one was asked for: use `device`, or `x.device`."
)
UNREGISTERED = (
    "A tensor that the network keeps stayed on the CPU when the network was moved: it is not registered. Use "
    "nn.Parameter for what is learned, `register_buffer` for what is not, nn.ModuleList for layers."
)
MADE = (
    "A tensor that your code makes is on the CPU and meets one on the GPU, which a GPU refuses: give it "
    "`device=x.device`, or make it with `zeros_like`, `new_zeros` and the like."
)
IMAGES = "The {what} stayed on the CPU, the model is on the GPU: `x = x.to(device)`."
BATCHES = (
    "The {what} and their labels stayed on the CPU, the model is on the GPU: "
    "`x, y = x.to(device), y.to(device)`."
)
DROPPED = (
    "The {what} were copied to the GPU, but the copy was not kept: `x.to(device)` alone changes nothing. "
    "Write `x = x.to(device)`."
)
MODEL = "The model stayed on the CPU, the {what} are on the GPU: `model.to(device)`."
LABELS = "The labels stayed on the CPU, the scores are on the GPU: `y = y.to(device)`."
COMPARED = (
    "Answers and labels are compared on different devices, which a GPU refuses. Did the labels stay on the "
    "CPU? `y = y.to(device)`."
)
CHOSEN = (
    "Numbers on the GPU choose from a tensor that stayed on the CPU. Move that tensor, or choose with "
    "numbers on the CPU."
)
OPERATIONS = {r"nll|cross_entropy|gather|scatter|one_hot": LABELS, r"\((eq|ne):": COMPARED}
OPERATIONS |= {r"\(index:|indices should be": CHOSEN}


def tried(report: Any, *_: Any, **__: Any) -> dict[str, str]:
    """What matters of code that was tried on a GPU."""
    need(report, SEEN)
    if report["refused"]:
        kept = UNREGISTERED if report["unregistered"] else MADE
        raise WrongForm(_usual(report) or kept)
    if any(place.startswith("cuda") for place in report["answers"] if place != report["device"]):
        raise WrongForm(FIXED)
    answers = "on the GPU" if list(report["answers"]) == [report["device"]] else "not on the GPU"
    return {"work": work(report), "answers": answers}


RIGHT = {"work": "on the GPU", "answers": "on the GPU"}  # what `tried` says of right code


def worked(report: Any, *_: Any, **__: Any) -> str:
    """Where the work was done; the answers may be anywhere."""
    return tried(report)["work"]


def work(seen: Mapping[str, Any]) -> str:
    """Where products and convolutions were computed. A network may be tried elsewhere as it is built."""
    elsewhere = set(seen["computed"]) - {seen["device"], "meta"}  # a device without numbers
    return "not on the GPU" if elsewhere and seen["device"] not in seen["computed"] else "on the GPU"


def loop(seen: Any, calls: Sequence[Mapping[str, Any]], validates: bool = False) -> None:
    """Look at a loop over batches that ran on a GPU.

    Arguments:
        seen: what `on_gpu` saw; calls: where pictures and model were, for each call of the model.
        validates: whether the loop trains and validates, in training and in evaluation mode.

    Raises:
        WrongForm: the GPU refused something, or another one was used; it names the mistake.
    """
    need(seen, SEEN)
    need(calls, CALLS)
    used = {call[where] for call in calls for where in ("place", "home")} - {seen["device"], "cpu"}
    if seen["refused"] or used:
        raise WrongForm(FIXED if used else _usual(seen) or _in_loop(seen, calls, validates))


def _usual(seen: Mapping[str, Any]) -> str:
    """The mistakes that can happen anywhere; "" if it is none of them."""
    if "numpy" in seen["refused"]:
        return NUMPY
    others = set(re.findall(r"cuda:\d+", seen["refused"])) - {seen["device"]}
    return FIXED if others else ""


def _in_loop(seen: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], validates: bool) -> str:
    if calls and calls[-1]["place"] != calls[-1]["home"]:
        what = "images for validation" if validates and not calls[-1]["training"] else "images"
        if calls[-1]["place"] != "cpu":
            return MODEL.format(what=what)
        counted = seen["simulated"] and not validates and len(calls) == 1  # before the first batch was used
        copies = sum(seen["copies"].values()) if counted else 1
        return {0: BATCHES, 2: DROPPED}.get(copies, IMAGES).format(what=what)
    return next((words for found, words in OPERATIONS.items() if re.search(found, seen["refused"])), MADE)
