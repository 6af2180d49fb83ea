"""A chat template is a program out of a model folder: one that does not end is refused before it is used."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from tiny import save_tiny

from adaptkit.core.errors import ModelError
from adaptkit.models.load import load_model
from adaptkit.models.render import check_template

LONG = "{% for a in range(90000) %}"
ENDLESS = {
    "loops in loops": f"{LONG}{LONG}{LONG}{{% endfor %}}{{% endfor %}}{{% endfor %}}",
    "a macro that calls itself": "{% macro f(n) %}{% if n < 60 %}{{ f(n + 1) }}{{ f(n + 1) }}{% endif %}"
    "{% endmacro %}{{ f(0) }}",
    "a multiplied text": "{{ 'a' * 10 ** 10 }}",
    "a multiplied list": "{{ ([0] * 10 ** 9) | length }}",
    "a large power": "{{ 9 ** (9 ** 9) }}",
    "a long text": f"{LONG}{'a' * 100}{{% endfor %}}",
}
USUAL = {
    "chatml": "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}",
    "refuses a role": "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}x",
    "of another dialect": "{% generation %}x{% endgeneration %}",
    "broken": "{% for %}",
    "a date": "{{ strftime_now('%Y') }}{{ messages | tojson }}",
    "none": "plain text",
}


@pytest.mark.parametrize("template", ENDLESS.values(), ids=ENDLESS)
def test_a_template_that_does_not_end_is_refused(template: str) -> None:
    began = time.monotonic()
    with pytest.raises(ModelError, match="The chat template of 'm' does not end within 1 seconds"):
        check_template(template, "m", seconds=1)
    assert time.monotonic() - began < 10


def test_brackets_within_each_other_are_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(ModelError, match="more than 100 brackets within each other"):
        check_template(f"{{{{ {'(' * 500}1{')' * 500} }}}}", "m")
    assert time.monotonic() - began < 1


def test_a_tokenizer_that_cannot_encode_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny("llama", tmp_path / "m")
    backend = json.loads((folder / "tokenizer.json").read_text())
    words = {token: i for i, token in enumerate(["<|im_end|>", "<|endoftext|>", "<|im_start|>"])}
    backend |= {"model": {"type": "WordLevel", "vocab": words, "unk_token": "missing"}, "pre_tokenizer": None}
    (folder / "tokenizer.json").write_text(json.dumps(backend))
    with pytest.raises(ModelError, match=r"could not be loaded \(WordLevel error: Missing"):
        load_model(folder)


def test_a_template_that_breaks_on_demonstrations_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny("llama", tmp_path / "m")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    for name in ("chat_template.jinja",):
        (folder / name).unlink(missing_ok=True)
    broken = (
        "{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}{{ x.y }}{% endif %}{% endfor %}"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps({**config, "chat_template": broken}))
    with pytest.raises(ModelError, match="'x' is undefined"):
        load_model(folder)


def test_a_template_that_writes_nothing_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    folder = save_tiny("llama", tmp_path / "m")
    (folder / "chat_template.jinja").write_text("{% if false %}{{ messages }}{% endif %}")
    with pytest.raises(ModelError, match="make no token of a prompt"):
        load_model(folder)


@pytest.mark.parametrize("template", USUAL.values(), ids=USUAL)
def test_other_templates_pass(template: str) -> None:
    check_template(template, "m", seconds=5)
