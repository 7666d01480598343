"""Wrong usage of the command line: every verb says what is wrong, with which value, and what would do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import split

import pytest

from tests.toys.runs import execute
from tests.toys.spaces import STUDY

Say = Callable[..., tuple[int, str, str]]
HELP = "--help lists arguments and options"
WRONG = [
    ("frobnicate", "No such command 'frobnicate'", "nas --help lists the verbs"),
    ("train lenet --lr 0.1", "No such option: --lr; did you mean --learning-rate?", HELP),
    ("train lenet --set wd=0", "--set knows no field 'wd'; did you mean weight_decay?", "fields: data"),
    ("train lenet --set crop", "--set takes FIELD=VALUE, got 'crop'", "--set crop=VALUE"),
    ("--verson", "No such option: --verson; did you mean --version?", "nas --help"),
    ("run", "nas run needs", HELP),
    ("run quickstart extra", "nas run takes no further word, got extra", HELP),
    ("run quickstart --sample 3", "did you mean --samples or", HELP),
    ("run quickstart --samples", "--samples takes a value, got none", "--help"),
    ("run quickstart --samples three", "--samples must be a whole number, got 'three'", HELP),
    ("run quickstart --samples=2.5", "--samples must be a whole number, got '2.5'", HELP),
    ("run quickstart --learning-rate 0.1", "has no option --learning-rate", "--set learning_rate=VALUE"),
    ("run quickstart --max-seconds -1", "--max-seconds must be greater than or equal to 0, got '-1'", HELP),
    ("run quickstart --set erasing=0.25", "did you mean random_erasing or erase?", "fields: data"),
    ("status 'no folder'", "there is no folder 'no folder'", "nas run quickstart"),
    ("run quickstart --set epoch=3", "no field 'epoch'; did you mean epochs?", "fields: data"),
    ("run quickstart --set epochs=many", "--set epochs takes a whole number, got 'many'", ""),
    ("run quickstart --set learning_rate=nan", "learning_rate must be positive, got nan", ""),
    ("run quickstart --set optimizer=adam", "--set optimizer takes sgd or adamw, got 'adam'", ""),
    ("run quickstart --retry crash", "'crash' is no failure that is tried again", "diverged"),
    ("run quickstart --halving 1", "got reduction_factor=1", ""),
    ("run quickstart --device cuda:x", "there is no device 'cuda:x'", "auto, cpu, cuda"),
    ("run quickstart --data file", "file is neither a folder of class folders nor", "choose fashion-mnist"),
    ("run quickstart --target label", "a target is for tables, got 'label'", ""),
    ("run quickstart -o full", "is not the folder of a run and not empty (it holds letter.txt)", "--out DIR"),
    ("run quickstart -o file", "file is a file, not a folder", ""),
    ("run run", "no study 'run', and the folder of this name is none", "my_study.py"),
    ("run few.csv", "no study 'few.csv', and the file of this name is none", "my_study.py"),
    ("run empty.py", "empty.py holds no STUDY", "STUDY = Study(...)"),
    ("run broken.py", "SyntaxError: invalid syntax (line 1)", ""),
    ("run number.py", "holds something of type int, not a study", "STUDY = Study(...)"),
    ("run unnamed.py", "Recipe takes no 'epoch'; did you mean epochs? (unnamed.py, line 3)", "it takes data"),
    ("search --minutes 1", "nas search needs --space", HELP),
    ("search --space VGG", "ends after minutes or samples, got neither", "--minutes 20"),
    ("search --space alexnet --samples 1 --fidelity tiny", "doesn't fit into an input of 192x", "--resolution"),
    ("search --space VGG --minutes soon", "--minutes must be a number, got 'soon'", HELP),
    ("search --space VGG --minutes 1 --parameters 600", "LEAST.. or ..MOST, got '600'", "--parameters ..60000"),
    ("search --space VGG --minutes 1 --parameters 9..1", "0 <= low <= high, got low=9, high=1", ""),
    ("search --space VGG --minutes 1 --against flops", "--against takes multiply-adds or latency, got 'flops'", ""),
    ("search --space VGG --minutes 1 --sampler bayes", "there is no sampler 'bayes'", "samplers: random"),
    ("status nowhere", "there is no folder nowhere", "nas run quickstart"),
    ("status full", "it has no study.json with a study.db", "nas run STUDY --out full"),
    ("status run --jsn", "No such option: --jsn; did you mean --json?", HELP),
    ("dashboard run --port 99999", "--port must be less than or equal to 65535, got '99999'", HELP),
    ("best run --top 0", "--top must be greater than or equal to 1, got '0'", HELP),
    ("best run --by accuracy", "--by must be error or pareto, got 'accuracy'", ""),
    ("table run -o t.xlsx", "written as .csv, .csv.gz or .parquet, not 't.xlsx'", ""),
    ("table run -o nowhere/t.csv", "nowhere/t.csv can't be written: No such file or directory", "mkdir -p nowhere"),
    ("report few.csv", "few.csv is a file, not the folder of a run", "nas report --table few.csv"),
    ("report run -o full", "full can't be written: Is a directory", "full/"),
    ("report --table few.csv --error nope", "has no column 'nope'; it has error, depth", "--error COLUMN"),
    ("report --table few.csv --guess 2", "the error of guessing is above 0 and a share of 1 or a percentage", ""),
    ("figure edf run -o x.gif", "written as .svg, .pdf or .png, not 'x.gif'", ""),
    ("principles run --columns nope", "the table has no column 'nope'", "columns with numbers: width"),
    ("principles run --against a", "takes the names of two spaces and no --study, got a", "--against A,B"),
    ("principles run --columns width --against tiny,rich", "rules or columns are given, not both", "one of them"),
    ("principles run --columns width --delta small", "--delta must be a number, got 'small'", HELP),
    ("discover run --within nope", "there are no networks of space 'nope', there are tiny, rich", "--within SPACE"),
    ("plan anynet_ladder --power 2", "power must lie strictly between 0 and 1, got 2", ""),
    ("compare run", "at least two runs are compared", "nas compare DIR DIR"),
    ("images run --first 1", "one side alone was named", "--first 12 --second 7"),
    ("replay --samplers bayes", "there is no sampler 'bayes'", "samplers: random"),
    ("final run --top 2 --pareto parameters", "give top or pareto, not both", "--pareto takes the whole front"),
    ("final run --set data=digits", "data is the run's: its networks were chosen on these images", ""),
    ("export run", "nas export needs --out", HELP),
    ("export run --rank 0 -o best", "rank must be between 1 and 2 (completed networks), got 0", ""),
    ("export run --rank 1 --trial 1 -o best", "give --rank or --trial, not both", ""),
    ("export run --rank 1 -o best.h5", ".h5 ends no file that is written here: .py, .onnx, .pt2 do", "-o best.pt2"),
    ("verify full", "full is no exported network: it has no SHA256SUMS", "nas export RUN -o DIR"),
    ("train lenet --run run", "give a network, or --run and --trial", "nas spaces"),
    ("train lenet --batch-sizes 32,32", "takes different numbers, from 1, with commas between them, got '32,32'", ""),
    ("train lenet --learning-rate -1", "learning_rate must be positive, got -1", ""),
    ("train lenet --norm group:x", "takes a number of groups of at least 1, got 'group:x'", "group:8"),
    ("train bad.json", "bad.json: not a network's description", "nas export"),
    ("describe run", "run is the folder of a run", "nas describe run --trial 0"),
    ("describe lenet --shape axb", "such as 1x28x28, or a number of features, got 'axb'", ""),
    ("audit run --networks 1", "networks must be at least 4, got 1", "--networks 24"),
    ("data few.csv", "which column of few.csv is the target? It has error, depth", "--target NAME"),
    ("data few.csv --target nope", "few.csv has no column 'nope'", "it has error, depth"),
    ("spaces empty.py", "empty.py may hold several spaces", "empty.py:NAME says which"),
    ("spaces empty.py:NAME", "empty.py has no NAME", "FILE.py:NAME works, too"),
    ("spaces lenet", "lenet is a network, not a space", "nas describe lenet"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Path:
    """A folder with a run of two networks, a folder of letters, tables and study files, right and wrong ones."""
    folder = tmp_path_factory.mktemp("wrong")
    execute(replace(STUDY, samples=1), folder / "run")
    (folder / "full").mkdir()
    for name, content in {
        "full/letter.txt": "dear",
        "file": "x",
        "few.csv": "error,depth\n0.1,1\n0.2,2\n0.3,3\n",
        "empty.py": "",
        "broken.py": "x = \n",
        "number.py": "STUDY = 3\n",
        "unnamed.py": "from nas.study import Recipe\n\nRECIPE = Recipe(epoch=3)\n",
        "bad.json": "{",
    }.items():
        (folder / name).write_text(content)
    return folder


@pytest.mark.parametrize(("words", "said", "way"), WRONG, ids=[words for words, _, _ in WRONG])
def test_wrong_words_are_refused(
    words: str, said: str, way: str, place: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong in one or two lines, a way out where the rule isn't one, an exit code for scripts; no new file."""
    monkeypatch.chdir(place)
    before = sorted(place.rglob("*"))
    code, out, message = say(*split(words))
    first, *rest = message.strip().splitlines()
    assert (code in (2, 74), out) == (True, "")
    assert first.startswith("nas: ")
    assert said in first, message
    assert len(rest) <= 1
    assert way in "".join(rest), message
    assert sorted(place.rglob("*")) == before


def test_wrong_words_in_a_process_of_their_own(place: Path) -> None:
    """A real process ends in the same way; with --debug it shows the traceback, for us."""
    command = [sys.executable, "-m", "nas", "best", "run", "--top", "many"]
    told = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "--top must be a whole number, got 'many'" in told.stderr
    assert "Traceback" not in told.stderr
    command = [*command[:3], "--debug", "status", "nowhere"]
    shown = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert "Traceback" in shown.stderr
