"""The problem that --t2t_usr_dir brings in: pairs of lines, tokens separated by blanks, from Daisy's canonical files.

The data folder has the vocabulary already; t2t-datagen gets the folder of the canonical files as its --tmp_dir.
"""

import os

import tensorflow.compat.v1 as tf
from tensor2tensor.data_generators import problem, text_encoder, text_problems
from tensor2tensor.utils import data_reader, registry

UNKNOWN = 2  # behind <pad> and <EOS>, which are 0 and 1 for tensor2tensor


@registry.register_problem
class DaisyPairs(text_problems.Text2TextProblem):
    """An example is a line of train-source and the one of train-target."""

    @property
    def vocab_type(self):
        """One entry a token."""
        return text_problems.VocabType.TOKEN

    @property
    def is_generate_per_split(self):
        """The canonical files are split already."""
        return True

    @property
    def dataset_splits(self):
        """The dev set is decoded line by line (see daisy_validation.py), so it is not put into records."""
        return [{"split": problem.DatasetSplit.TRAIN, "shards": 1}]

    def generate_samples(self, data_dir, tmp_dir, dataset_split):
        """The pairs of lines, in their order."""
        for source, target in zip(lines(tmp_dir, "train-source"), lines(tmp_dir, "train-target")):
            yield {"inputs": source, "targets": target}

    def get_or_create_vocab(self, data_dir, tmp_dir, force_get=False):
        """Read from the data folder."""
        return Tokens(os.path.join(data_dir, self.vocab_filename))

    def input_fn(self, mode, hparams, data_dir=None, params=None, config=None, **unused):
        """Batches of batch_size examples, shuffled anew each epoch; the last one of an epoch has what is left.

        tensor2tensor's own makes batches across the ends of epochs, and leaves long examples out.
        """
        data_dir = data_dir or hparams.data_dir
        examples = self.dataset(mode, data_dir=data_dir, hparams=hparams, shuffle_files=False)
        records = tf.gfile.Glob(self.filepattern(data_dir, mode))
        count = sum(1 for path in records for _ in tf.python_io.tf_record_iterator(path))
        examples = examples.map(data_reader.cast_ints_to_int32).shuffle(count)
        batches = data_reader.padded_batch(examples, hparams.batch_size).map(data_reader.standardize_shapes)
        return batches.repeat().map(lambda batch: (batch, batch["targets"])).prefetch(2)


class Tokens(text_encoder.TokenTextEncoder):
    """Tokens are separated by blanks only: other white space may be a token. What the vocabulary lacks is <UNK>."""

    def _init_vocab_from_file(self, filename):
        with open(filename, encoding="utf-8", newline="\n") as file:
            self._init_vocab(file.read().rstrip("\n").split("\n"), add_reserved_tokens=False)

    def encode(self, s):
        """The numbers of the tokens."""
        return [self._token_to_id.get(token, UNKNOWN) for token in s.split(" ") if token]


def lines(folder, name):
    """The lines of a canonical file; only a line feed ends one."""
    with open(os.path.join(folder, name), encoding="utf-8", newline="\n") as file:
        for line in file:
            yield line.rstrip("\n")
