"""fairseq's translation task, with the share of dev examples that are translated exactly as a figure of each validation."""

from argparse import Namespace

from fairseq.logging import metrics
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask

NAME = "translation_with_exact_match"
FIGURE = "dev_accuracy"
UNUSED_POSITIONS = 2  # before and for the padding


@register_task(NAME, dataclass=TranslationConfig)
class ExactMatchTask(TranslationTask):
    """Translates each batch that is validated, by the likeliest next token."""

    def build_model(self, cfg, from_checkpoint=False):
        """The model, and what translates with it."""
        for side in ("source", "target"):  # fconv can use two fewer than the positions that it has
            setattr(cfg, f"max_{side}_positions", getattr(self.cfg, f"max_{side}_positions") + UNUSED_POSITIONS)
        model = super().build_model(cfg, from_checkpoint)
        self.greedy = self.build_generator([model], Namespace(beam=1, max_len_a=0))
        return model

    def valid_step(self, sample, model, criterion):
        """The loss of a batch, and how many of its examples are right."""
        loss, sample_size, logged = super().valid_step(sample, model, criterion)
        targets = [self._tokens(target) for target in sample["target"]]
        self.greedy.max_len_b = max(map(len, targets)) + 1  # what is longer than the longest target is wrong anyway
        found = [self._tokens(best["tokens"]) for best, *_ in self.inference_step(self.greedy, [model], sample)]
        unknown = self.target_dictionary.unk()
        right = sum(target == tokens and unknown not in target for target, tokens in zip(targets, found, strict=True))
        return loss, sample_size, {**logged, "_right": right, "_examples": len(targets)}

    def reduce_metrics(self, logging_outputs, criterion):
        """Sums over the batches; the share is taken at the end."""
        super().reduce_metrics(logging_outputs, criterion)
        if any("_examples" in logged for logged in logging_outputs):
            for name in ("_right", "_examples"):
                metrics.log_scalar(name, sum(logged[name] for logged in logging_outputs))
            metrics.log_derived(FIGURE, lambda meters: meters["_right"].sum / max(1, meters["_examples"].sum))

    def _tokens(self, numbers):
        """Without what is no token of the text: padding, and the end."""
        nothing = (self.target_dictionary.pad(), self.target_dictionary.eos())
        return [number for number in numbers.tolist() if number not in nothing]
