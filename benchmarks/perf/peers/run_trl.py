"""TRL's ``SFTTrainer``: the same token ids, loss on completions only, no gradient checkpointing."""

from __future__ import annotations

import contextlib
import copy
import tempfile
import time
from collections.abc import Mapping
from typing import Any

from benchmarks.perf.peers.protocol import Job, Peer, serve

IGNORED = -100


def load(job: Job) -> Peer:
    """Load the model; one step warms up."""
    import transformers
    import trl

    from benchmarks.perf.peers.placement import dtype_name, place

    device, dtype = place(job["dtype"])
    base: Any = transformers.AutoModelForCausalLM.from_pretrained(job["model"], dtype=dtype)
    base = base.to(device)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job["model"])

    def train(max_steps: int) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory() as scratch:
            clock = _clock(job["max_s"])
            trainer = _trainer(job, copy.deepcopy(base), tokenizer, scratch, max_steps)
            trainer.add_callback(clock)
            started = time.perf_counter()
            trainer.train()
            seconds = time.perf_counter() - started
        n_tokens = int(trainer.state.num_input_tokens_seen)
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        return {
            "seconds": 1_000 * seconds / n_tokens,
            "tokens_per_s": n_tokens / seconds,
            "n_tokens": n_tokens,
            "n_steps": int(trainer.state.global_step),
            "loss": losses[-1] if losses else None,
        }

    train(1)
    return Peer(
        version=trl.__version__, dtype=dtype_name(dtype), run=lambda: train(job["max_steps"]),
        note="rows grouped by length, no gradient checkpointing",
    )  # fmt: skip


def _trainer(job: Job, module: Any, tokenizer: Any, scratch: str, max_steps: int) -> Any:
    import datasets
    import peft
    import torch
    import trl

    # Labels are given, so that nothing is left to a template: the loss is on the completion.
    rows = [
        {
            "input_ids": r["prompt"] + r["completion"],
            "labels": [IGNORED] * len(r["prompt"]) + r["completion"],
        }
        for r in job["rows"]
    ]
    with contextlib.chdir(scratch):
        return trl.SFTTrainer(
            model=module,
            processing_class=tokenizer,
            train_dataset=datasets.Dataset.from_list(rows),
            peft_config=peft.LoraConfig(
                r=job["rank"],
                lora_alpha=2 * job["rank"],
                lora_dropout=0.0,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
            args=trl.SFTConfig(
                output_dir=scratch,
                max_steps=max_steps,
                per_device_train_batch_size=job["batch_size"],
                learning_rate=job["learning_rate"],
                warmup_steps=min(max_steps - 1, 4),
                max_length=None,
                gradient_checkpointing=False,
                train_sampling_strategy="group_by_length",
                include_num_input_tokens_seen="non_padding",
                use_cpu=not torch.cuda.is_available(),
                bf16=False,
                fp16=False,
                save_strategy="no",
                logging_steps=1,
                report_to=[],
                disable_tqdm=True,
                dataloader_pin_memory=False,
            ),
        )


def _clock(max_s: float) -> Any:
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        """Stops at the end of the step in which the time is up."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.ends = time.perf_counter() + max_s

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            control.should_training_stop |= time.perf_counter() > self.ends

    return Clock()


if __name__ == "__main__":
    serve(load)
