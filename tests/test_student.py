"""Cells and calls in a student's process: what a kernel would show, and no way to disturb the grader."""

import pytest
from isolation import script, texts

FUNCTIONS = """
import time
import numpy as np
import torch

def add_one(x):
    x += 1
    return x

def apply(function, *args):
    return function(*args)

def add_later(function):
    global kept
    kept = function

class Own(Exception):
    pass

def fail(which):
    raise {"value": ValueError("no"), "own": Own("mine"), "key": KeyError("name"), "exit": SystemExit(3)}[which]

class Net(torch.nn.Module):
    def __init__(self, act=torch.relu):
        super().__init__()
        self.linear = torch.nn.Linear(2, 3)
        self.act = act

    def forward(self, x):
        return self.act(self.linear(x))

def count():
    yield from range(3)

answer = {"a": [1, (2.5, "x")]}
"""


def call(*expressions, **options):
    return texts(FUNCTIONS, *(f"={expression}" for expression in expressions), **options)[1:]


def test_outputs_are_those_of_a_kernel():
    cells = script(
        "import sys; print('out'); print('err', file=sys.stderr); 1 + 1",
        "import os; _ = os.system('echo from a program')",
        "!echo from a shell",
        "1 / 0",
        "def f(:",
        "from IPython.display import display, clear_output\nshown = display('a', display_id=True); shown.update('b')",
        "print('old'); clear_output(); print('new')",
        "print('old'); clear_output(wait=True); print('newer')",
        "await __import__('asyncio').sleep(0); 'awaited'",
        "%timeit -n1 -r1 1",
        "sys.stdout.buffer.write(b'raw'); None",
        "5;",
    )["steps"]
    first = cells[0]["outputs"]
    assert [output.get("name") for output in first] == ["stdout", "stderr", None]
    assert first[2]["data"] == {"text/plain": "2"}
    assert first[2]["execution_count"] == 1
    assert cells[1]["text"] == "from a program\n"
    assert cells[2]["text"] == "from a shell\n"
    assert (cells[3]["status"], cells[3]["outputs"][0]["ename"]) == ("error", "ZeroDivisionError")
    assert "1 / 0" in "".join(cells[3]["outputs"][0]["traceback"])
    assert (cells[4]["status"], cells[4]["outputs"][0]["ename"]) == ("error", "SyntaxError")
    assert [output["data"]["text/plain"] for output in cells[5]["outputs"]] == ["'b'"]
    assert cells[6]["text"] == "new\n"
    assert cells[7]["text"] == "newer\n"
    assert cells[8]["outputs"][0]["data"]["text/plain"] == "'awaited'"
    assert cells[8]["outputs"][0]["execution_count"] == 9
    assert "per loop" in cells[9]["text"]
    assert cells[10]["text"] == "raw"
    assert cells[11]["outputs"] == []


def test_figures_are_drawn_at_the_end_of_their_cell():
    cells = script(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2]); print('text')",
        "print(plt.get_fignums())",
        "%matplotlib inline\nplt.figure(); plt.show(); print('after')",
    )["steps"]
    assert [output["output_type"] for output in cells[0]["outputs"]][-1] == "display_data"
    assert cells[0]["outputs"][-1]["data"]["image/png"].startswith("iVBOR")
    assert cells[1]["text"] == "[]\n"
    assert [output["output_type"] for output in cells[2]["outputs"]] == ["display_data", "stream"]


def test_what_a_notebook_cannot_do_here_is_told_in_words():
    got = texts("input('name?')", "%pip install something", "exit()", "import sys; sys.exit()", "print('on')")
    assert "nobody is there to answer" in got[0]
    assert "cannot be installed" in got[1]
    assert got[4] == "on\n"


def test_two_students_start_alike():
    cell = "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1).item(), dir())"
    assert texts(cell) == texts(cell)


def test_values_and_calls():
    assert call("get('answer')", "get('add_one')(1)", "get('add_one')(np.float32(1))") == [
        "{'a': [1, (2.5, 'x')]}",
        "2",
        "np.float32(2.0)",
    ]


def test_changes_of_an_argument_reach_the_caller():
    assert call(
        "(lambda x: (get('add_one')(x), x.tolist()))(np.zeros((2, 2)).T)",
        "(lambda x: (get('add_one')(x).tolist(), x.tolist()))(torch.zeros(2))",
        "(lambda x: (get('apply')(len, [x]), x.tolist()))(np.zeros(2))",
    ) == [
        "(array([[1., 1.],\n       [1., 1.]]), [[1.0, 1.0], [1.0, 1.0]])",
        "([1.0, 1.0], [1.0, 1.0])",
        "(1, [0.0, 0.0])",
    ]


def test_functions_of_the_caller_can_be_called_while_the_call_runs():
    assert call(
        "get('apply')(lambda x: x * 10, 4)",
        "get('apply')(lambda x: get('add_one')(x) * 10, 4)",
        "get('apply')(lambda: 1 / 0)",
        "get('apply')(get('add_one'), 1)",
        "get('apply')(np.sum, [1, 2])",
    ) == ["40", "50", "division by zero", "2", "np.int64(3)"]


def test_a_function_of_the_caller_is_dead_after_its_call():
    result = script(FUNCTIONS, "=get('add_later')(lambda: 1)", "kept()", "print(1)")
    assert result["steps"][2]["status"] == "died"
    assert result["steps"][3]["status"] == "not run"
    assert "disturbed the connection" in result["ended"]


def test_errors_are_builtin_exceptions_or_say_their_name():
    steps = script(
        FUNCTIONS, *(f"=get('fail')('{which}')" for which in ("value", "own", "key", "exit")), "=get('x')"
    )
    got = [(step["kind"], step["error"], step["message"]) for step in steps["steps"][1:]]
    assert got[:4] == [
        ("ValueError", "ValueError", "no"),
        ("StudentError", "Own", "mine"),
        ("KeyError", "KeyError", "'name'"),
        ("StudentError", "SystemExit", "3"),
    ]
    assert got[4][0] == "NameError"
    assert got[4][2].startswith("'x' is not defined")


def test_objects_stay_there_and_answer_from_there():
    assert call(
        "get('Net')()",
        "get('Net')().linear.weight.shape",
        "tuple(get('Net')()(torch.ones(1, 2)).shape)",
        "get('Net')(act=torch.tanh)(torch.ones(4, 2)).shape",
        "sorted(get('Net')().state_dict())",
        "list(get('count')())",
        "len(get('torch').nn.Sequential(get('Net')(), get('Net')()))",
        "get('Net').__name__",
        "hasattr(get('Net')(), 'nothing')",
        "get('Net').__subclasses__",
    ) == [
        "<the student's Net>",
        "torch.Size([3, 2])",
        "(1, 3)",
        "torch.Size([4, 3])",
        "['linear.bias', 'linear.weight']",
        "[0, 1, 2]",
        "2",
        "'Net'",
        "False",
        "__subclasses__",
    ]


def test_functions_of_utils_run_beside_the_students_code_and_no_others():
    got = call(
        "get('add_one')._run_beside('utils.probes', '_lines', ([1],), {}) > 0",
        "get('add_one')._run_beside('os', 'system', (), {})",
    )
    assert got[0] == "True"
    assert "only functions of 'utils'" in got[1]


def test_a_slow_cell_is_interrupted_and_the_next_one_runs():
    result = script("while True: pass", "print('next')", cell_seconds=0.5)
    slow, following = result["steps"]
    assert slow["status"] == "timeout"
    assert slow["note"] == "Cell 'cell0': the cell took longer than 0.5 seconds."
    assert slow["seconds"] < 2
    assert following["text"] == "next\n"


def test_a_slow_call_is_interrupted_and_the_next_one_runs():
    slow, following = script(FUNCTIONS, "=get('time').sleep(9)", "=get('add_one')(1)", call_seconds=0.5)[
        "steps"
    ][1:]
    assert (slow["kind"], slow["message"]) == ("CallTimeout", "The call took longer than 0.5 seconds")
    assert following["value"] == "2"


def test_an_endless_loop_of_callbacks_is_interrupted_and_the_next_one_runs():
    endless = "def endless(f):\n    while True: f(1)"  # the alarm nearly always rings inside a callback
    slow, following = script(
        FUNCTIONS,
        endless,
        "=get('endless')(lambda x: time.sleep(0.01))",
        "=get('add_one')(1)",
        call_seconds=0.3,
    )["steps"][2:]
    assert (slow["kind"], slow["message"]) == ("CallTimeout", "The call took longer than 0.3 seconds")
    assert slow["seconds"] < 1.5
    assert following["value"] == "2"


def test_a_cell_that_does_not_listen_is_ended():
    deaf = "import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass"
    result = script(deaf, "1", cell_seconds=0.3)
    assert [step["status"] for step in result["steps"]] == ["timeout", "not run"]
    assert "could not be interrupted" in result["steps"][1]["note"]
    assert result["steps"][0]["seconds"] < 5


def test_switching_the_alarm_off_does_not_help():
    result = script(
        "import signal; signal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass", "1", cell_seconds=0.3
    )
    assert [step["status"] for step in result["steps"]] == ["timeout", "not run"]


def test_the_whole_notebook_has_a_budget():
    result = script("import time; time.sleep(0.4)", "time.sleep(9)", "1", "=get('time')", total_seconds=0.8)
    assert [step.get("status", step.get("kind")) for step in result["steps"]] == [
        "ok",
        "timeout",
        "not run",
        "StudentDied",
    ]
    assert "The notebook took longer than 0.8 seconds in all" in result["ended"]


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("import os; os._exit(0)", "ended its own process"),
        ("import os; os.kill(os.getpid(), 9)", "was killed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        (
            "import os\nfor i in range(3, 50):\n    try: os.close(i)\n    except OSError: pass",
            "ended its own process",
        ),
        ("import os; os.closerange(0, 4096); import sys; sys.exit()", "ended its own process"),
    ],
)
def test_a_process_that_ends_itself_costs_only_the_later_cells(cell, words):
    result = script("print('before')", cell, "print('after')")
    assert [step["status"] for step in result["steps"]] == ["ok", "died", "not run"]
    assert words in result["ended"]


# Finds the connection, as a student's code could.
FORGERY = """
import gc, os, socket, struct
import autograder.frames as frames
from autograder.service import Service
service = next(o for o in gc.get_objects() if isinstance(o, Service))
"""
FORGERIES = {
    "noise": "service._sock.sendall(b'A' * 100_000)",
    "an announced flood": "service._sock.sendall(struct.pack('<4sIQ', b'crs1', 4, 2**62))",
    "a flood": "while True: frames.send(service._sock, ['value', 1, []], [bytes(2**20)] * 200)",
    "no message": "frames.send(service._sock, [])",
    "another kind": "frames.send(service._sock, ['eval', '1', 2])",
    "a reply without a value": "frames.send(service._sock, ['value'])",
    "an error that is none": "frames.send(service._sock, ['error', 1, 2, 3, 4, 5])",
    "a hostile value": "frames.send(service._sock, ['value', ['array', '|O', [1], None, True, 0], []], [bytes(8)])",
    "a change of no argument": "frames.send(service._sock, ['value', 1, [[7, 1]]])",
    "a change to a number": "frames.send(service._sock, ['value', 1, [[0, 1]]])",
    "a callback to nothing": "frames.send(service._sock, ['callback', 99, ['tuple', []], ['dict', []]])",
    "a callback with odd arguments": "frames.send(service._sock, ['callback', 0, 1, 2])",
    "a handle that is no number": "frames.send(service._sock, ['value', ['handle', 'x', 'a', 'b'], []])",
    "a handle of the grader": "frames.send(service._sock, ['value', ['named', 'os', 'system'], []])",
    "deep nesting": "service._sock.sendall(struct.pack('<4sIQ', b'crs1', 9001, 0) + b'\\x91' * 9000 + b'\\xc0')",
    "a cell's reply": "frames.send(service._sock, ['cell', ['tuple', [1, 2, 3]], []])",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_message_disturbs_nobody(name):
    function = f"{FORGERY}\ndef f(x):\n    {FORGERIES[name]}\n    import time; time.sleep(0.3)\n"
    result = script(function, "=get('f')(np.zeros(2))", "print(1)", call_seconds=3)
    answer = result["steps"][1]
    # A well-formed forgery is an answer like any other; all else ends the student's process, with words.
    assert "value" in answer or answer["kind"] in ("StudentDied", "StudentError")
    if not result["alive"]:
        assert "disturbed the connection" in result["ended"]
        assert result["steps"][2]["status"] in ("died", "not run")


def test_forged_outputs_of_a_cell_are_checked():
    template = FORGERY + "frames.send(service._sock, ['cell', {}, []]); import time; time.sleep(1)"
    for outputs in (
        "['tuple', [['list', [['dict', ['output_type', 'script']]]], 'ok', False]]",
        "['tuple', [['list', [['dict', ['output_type', 'stream', 'name', 'x', 'text', 'y']]]], 'ok', False]]",
        "['tuple', [['list', []], 'full marks', False]]",
        "['list', []]",
    ):
        result = script(template.format(outputs))
        assert result["steps"][0]["status"] == "died", outputs


def test_output_is_cut_on_both_sides():
    result = script(
        "print('x' * 10**7)",
        "import os\nwhile True: os.write(1, b'y' * 10**6)",
        "for i in range(10**5): print(i)",
        FORGERY + "item = ['dict', ['output_type', 'stream', 'name', 'stdout', 'text', ['text', 0]]]\n"
        "frames.send(service._sock, ['cell', ['tuple', [['list', [item]], 'ok', False]], []], [b'x' * 10**7])",
        output_kb=64,
        file_mb=4,
        cell_seconds=5,
    )
    for step in result["steps"][:3]:
        assert len(step["text"]) <= 64 * 1024 + 2
        assert "beyond 64 KB were cut" in step["note"]
    assert result["steps"][3]["status"] == "died"


def test_memory_errors_come_first_and_the_notebook_goes_on():
    result = script(
        "import numpy as np; x = np.ones(2**28)",
        "x = []\nwhile True: x.append(bytearray(2**20))",
        "x = None; print('on')",
        memory_mb=300,
    )
    assert [step["status"] for step in result["steps"]] == ["error", "error", "ok"]
    assert result["steps"][1]["outputs"][0]["ename"] == "MemoryError"


def test_where_not_a_page_of_memory_is_left_an_error_can_still_be_told():
    fill = """
x = []
for size in (2**20, 2**16, 2**12):
    try:
        while True:
            x.append(bytearray(size))
    except MemoryError:
        pass
"""
    result = script(
        f"{fill}no_such_name",
        f"def fill():\n    global x{fill.replace(chr(10), chr(10) + '    ')}\n    return x.no_such_name",
        "=get('fill')()",
        "x = None; print('on')",
        memory_mb=300,
    )
    assert [step.get("status") for step in result["steps"]] == ["error", "ok", None, "ok"]
    assert result["steps"][0]["outputs"][0]["ename"] == "NameError"
    assert result["steps"][2]["kind"] == "AttributeError"


def test_values_too_large_for_the_wire_are_an_error_in_words():
    cell = "import numpy as np\ndef large(): return np.zeros(2**26)\ndef many(): return [[] for _ in range(10**6)]"
    assert texts(cell, "=get('large')()", "=get('many')()", "=get('np').pi")[1:] == [
        "too large to hand over: more than 64 MB, or too many objects",
        "too many objects to hand over",
        "3.141592653589793",
    ]


def test_an_object_equal_to_everything_is_not_equal_here():
    cell = """
class Equal:
    def __eq__(self, other): return True
    def __getattr__(self, name): return self
    def __call__(self, *args): return self
    __array__ = __float__ = __len__ = None
def f(): return Equal()
"""
    got = texts(
        cell, "=get('f')() == 3", "=np.allclose(get('f')(), 3)", "=isinstance(get('f')(), np.ndarray)"
    )[1:]
    assert got[0] == "False"
    assert got[1] != "True"
    assert got[2] == "False"
