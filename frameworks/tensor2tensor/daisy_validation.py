"""Exact match on the dev set each time a checkpoint is saved, by tensor2tensor's own greedy decoding.

The decoder is built once, into the graph that trains, and shares its variables: an evaluation of an Estimator would build and
load everything anew each epoch.
"""

import numpy
import tensorflow.compat.v1 as tf
from tensor2tensor.data_generators import text_encoder
from tensor2tensor.utils import registry

import daisy_checkpoints
from daisy_pairs import UNKNOWN

BATCH = 100  # examples


class Validation(tf.train.CheckpointSaverListener):
    """Decodes the dev set with what was saved, keeps the best checkpoint, and ends training where nothing gets better."""

    def __init__(self, model, hparams, data_parallelism, pairs, steps_per_epoch, patience, history):
        self._model, self._hparams, self._data_parallelism = model, hparams, data_parallelism
        self._steps_per_epoch, self._patience, self.history = steps_per_epoch, patience, history
        encoders = hparams.problem.feature_encoders(hparams.data_dir)
        self._sources = [[*encoders["inputs"].encode(source), text_encoder.EOS_ID] for source, _ in pairs]
        self._targets = [known(encoders["targets"].encode(target)) for _, target in pairs]
        # a longer output than the target can't be right, so decoding may end there
        self._extra = max([len(target) + 1 - len(source) for source, target in zip(self._sources, self._targets)] + [0])

    def begin(self):
        """Build the decoder."""
        self._inputs = tf.placeholder(tf.int32, [None, None], "dev_inputs")
        problem_hparams = self._hparams.problem_hparams
        features = {
            "inputs": tf.expand_dims(self._inputs, 2),
            "input_space_id": tf.constant(problem_hparams.input_space_id),
            "target_space_id": tf.constant(problem_hparams.target_space_id),
        }
        with tf.variable_scope(tf.get_variable_scope(), reuse=tf.AUTO_REUSE):
            model = registry.model(self._model)(
                self._hparams, tf.estimator.ModeKeys.PREDICT, data_parallelism=self._data_parallelism, _reuse=tf.AUTO_REUSE
            )
            self._outputs = model.infer(features, beam_size=1, decode_length=self._extra)["outputs"]

    def after_save(self, session, global_step_value):
        """Validate the checkpoint of an epoch that was not yet. True: training has to end."""
        step, history = int(global_step_value), self.history
        epoch = step // self._steps_per_epoch
        if step and not history.knows(step):
            accuracy = self._exact_match(session)
            best = history.best
            if best is None or accuracy > best:  # of equally good epochs the first
                daisy_checkpoints.keep_best(self._hparams.model_dir, step)
            history.add(epoch, step, accuracy)
            tell("epoch {}, step {}: dev_accuracy {:.6f}, checkpoint saved".format(epoch, step, accuracy))
        if self.patience_is_over():
            return True
        if step < self._hparams.train_steps:
            tell("epoch {} begins".format(epoch + 1))
        return False

    def patience_is_over(self):
        """Whether there were as many epochs without a better accuracy as patience allows."""
        return bool(self._patience) and self.history.stalled >= self._patience

    def alone(self, step):
        """Validate a checkpoint without training: a kill came between the last save and its validation."""
        with tf.Graph().as_default():
            self.begin()
            with tf.Session() as session:
                tf.train.Saver().restore(session, daisy_checkpoints.prefix(self._hparams.model_dir, step))
                self.after_save(session, step)

    def _exact_match(self, session):
        """The share of dev examples that are decoded exactly as their targets."""
        order = sorted(range(len(self._sources)), key=lambda index: len(self._sources[index]))
        right = 0
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            outputs = session.run(self._outputs, {self._inputs: padded([self._sources[index] for index in chosen])})
            right += sum(up_to_end(output) == self._targets[index] for output, index in zip(outputs, chosen))
        return right / max(1, len(order))


def known(numbers):
    """The numbers of a target, with -1 for tokens that train has not: <UNK> is no right answer to them."""
    return [-1 if number == UNKNOWN else number for number in numbers]


def padded(rows):
    """Rows of numbers as one array, filled up with 0."""
    array = numpy.zeros((len(rows), max(map(len, rows))), numpy.int32)
    for place, row in enumerate(rows):
        array[place, : len(row)] = row
    return array


def up_to_end(output):
    """The numbers before the end of the sequence."""
    numbers = output.flatten().tolist()
    return numbers[: numbers.index(text_encoder.EOS_ID)] if text_encoder.EOS_ID in numbers else numbers


def tell(text):
    """A line for Daisy."""
    print("[daisy] " + text, flush=True)
