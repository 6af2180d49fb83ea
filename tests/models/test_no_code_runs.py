"""Code that lies beside a model, in every place that a library may look for it: it never runs.

In processes of their own, with a "y" to whatever is asked: what is imported leaves a file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from test_convert import tiny_llama, write_gguf
from tiny import save_tiny

ROOT = Path(__file__).parents[2]
NAMES = ("modeling_evil", "tokenization_evil", "configuration_evil", "evil")
AUTO_MAP = {
    "AutoConfig": "configuration_evil.EvilConfig",
    "AutoModel": "modeling_evil.EvilModel",
    "AutoModelForCausalLM": "modeling_evil.EvilModel",
    "AutoModelForSequenceClassification": "modeling_evil.EvilModel",
    "AutoTokenizer": ["tokenization_evil.Evil", "tokenization_evil.EvilFast"],
    "AutoProcessor": "evil.EvilProcessor",
}


def plant(folder: Path, canary: Path) -> None:
    """Modules that leave a file when they are imported."""
    code = f"open({str(canary)!r}, 'w').close()\nclass EvilModel: pass\nEvil = EvilConfig = EvilModel\n"
    for name in (*NAMES, "__init__", "conftest", "sitecustomize"):
        (folder / f"{name}.py").write_text(code)


def edit(path: Path, **values: Any) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | values))


class Pickled:
    """Runs a command when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (os.system, (f"touch '{self.canary}'",))


def of_config(folder: Path, _: Path) -> None:
    edit(folder / "config.json", auto_map=AUTO_MAP)


def of_unknown_kind(folder: Path, _: Path) -> None:
    edit(folder / "config.json", auto_map=AUTO_MAP, model_type="evil", architectures=["EvilModel"])


def of_tokenizer(folder: Path, _: Path) -> None:
    auto_map = {"AutoTokenizer": AUTO_MAP["AutoTokenizer"]}
    edit(folder / "tokenizer_config.json", auto_map=auto_map, tokenizer_class="Evil")


def of_processor(folder: Path, _: Path) -> None:
    edit(folder / "processor_config.json", auto_map=AUTO_MAP, processor_class="EvilProcessor")
    edit(folder / "preprocessor_config.json", auto_map=AUTO_MAP)


def of_kernel(folder: Path, _: Path) -> None:
    edit(folder / "config.json", attn_implementation="evil/kernel")


def of_generation(folder: Path, _: Path) -> None:
    edit(folder / "generation_config.json", custom_generate=".", auto_map=AUTO_MAP)
    (folder / "custom_generate").mkdir()
    (folder / "custom_generate" / "generate.py").write_text((folder / "evil.py").read_text())


def of_pickle(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"model.norm.weight": Pickled(canary)}, folder / "pytorch_model.bin")


def of_adapter(folder: Path, _: Path) -> None:
    auto_map = {"base_model_class": "EvilModel", "parent_library": "evil"}
    edit(folder / "adapter_config.json", peft_type="LORA", auto_mapping=auto_map, megatron_core="evil")


TEMPLATES = (
    "{{{{ ''.__class__.__mro__[1].__subclasses__()[0]('touch {canary}') }}}}",
    "{{{{ cycler.__init__.__globals__.os.system('touch {canary}') }}}}",
    "{{{{ self.__init__.__globals__.__builtins__.__import__('os').system('touch {canary}') }}}}",
    "{{{{ raise_exception.__globals__['__builtins__']['open']('{canary}', 'w') }}}}",
    "{{{{ (messages|map(attribute='__class__.__init__.__globals__')|list)[0].os }}}}",
    "{{{{ lipsum.__globals__['os'].popen('touch {canary}') }}}}",
    "{{% set x = namespace() %}}{{{{ x.__init__.__globals__['os'].system('touch {canary}') }}}}",
)


PLACES: list[Callable[[Path, Path], None]] = [
    of_config, of_unknown_kind, of_tokenizer, of_processor, of_kernel, of_generation, of_pickle, of_adapter,
]  # fmt: skip
ASK = """
import os, sys
os.chdir(sys.argv[2])
sys.path.insert(0, "")
from adaptkit.core.errors import AdaptKitError
{imports}
for folder in sys.argv[3:]:
    try:
        {call}
    except AdaptKitError:
        pass
print("done", os.path.exists(sys.argv[1]))
"""
LOAD = "from adaptkit.models.load import load_model"


def ask(canary: Path, folders: list[Path], *, imports: str, call: str) -> str:
    """Load each folder in one new process that somebody answers yes to; whether anything was run."""
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            ASK.format(imports=imports, call=call),
            str(canary),
            str(folders[0]),
            *map(str, folders),
        ],
        input="y\n" * 100,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_MODULES_CACHE": str(canary.parent / "modules")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_code_beside_a_model_folder_never_runs(tmp_path: Path) -> None:
    canary, folders = tmp_path / "canary", []
    for place in PLACES:
        folder = save_tiny("llama", tmp_path / place.__name__)
        plant(folder, canary)
        place(folder, canary)
        folders.append(folder)
    for i, template in enumerate(TEMPLATES):
        folder = save_tiny("llama", tmp_path / f"template{i}")
        (folder / "chat_template.jinja").write_text(template.format(canary=canary))
        folders.append(folder)
    assert ask(canary, folders, imports=LOAD, call="load_model(folder, device='cpu')") == "done False"


def test_code_beside_a_gguf_file_never_runs_nor_is_anything_read_there(tmp_path: Path) -> None:
    canary, folders = tmp_path / "canary", []
    for place in (of_config, of_unknown_kind, of_tokenizer, of_generation, of_adapter):
        folder = tmp_path / place.__name__
        save_tiny("llama", folder)
        plant(folder, canary)
        place(folder, canary)
        write_gguf(folder / "model.gguf", tiny_llama())
        folders.append(folder)
    call = "assert load_model(folder + '/model.gguf', device='cpu').module.config.model_type == 'llama'"
    assert ask(canary, folders, imports=LOAD, call=call) == "done False"
