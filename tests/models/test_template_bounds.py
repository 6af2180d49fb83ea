"""A chat template is a program out of a model folder: one that does not end is refused before it is used."""

from __future__ import annotations

import time

import pytest

from adaptkit.core.errors import ModelError
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


@pytest.mark.parametrize("template", USUAL.values(), ids=USUAL)
def test_other_templates_pass(template: str) -> None:
    check_template(template, "m", seconds=5)
