"""A convolutional encoder for Nematus' recurrent decoder, added from outside: Nematus' own sources stay as they are.

`--conv_encoder JSON` describes it; without the option Nematus is as ever:

    {"layers": [{"kernel": 6, "filters": 100}, ...], "pool": 1, "highway": 0}

Embeddings, then the convolutions (each as long as its input, rectified; its input is added to it where both have as many
filters), then the largest value of every `pool` positions in a row (so the sequence becomes that much shorter), then highway
layers (Srivastava et al. 2015, arXiv:1505.00387), then a projection to the size that the decoder expects of annotations.
Padding is zero before each convolution and never wins in a pool. An even kernel reaches one position further to the right.
"""

import json

import tensorflow as tf

OPTION, NAME = "--conv_encoder", "rnn_conv_encoder"  # Nematus refuses options that begin with rnn_ for its transformer
NEVER = -1e9  # smaller than any activation


def install():
    """Add the option, and put our encoder and decoder where Nematus' model looks them up."""
    import config
    import rnn_model

    plain_specs = config.ConfigSpecification._define_param_specs
    plain_encoder, plain_decoder = rnn_model.Encoder, rnn_model.Decoder

    def specs(self):
        groups = plain_specs(self)
        groups["network_rnn"].append(
            config.ParameterSpecification(
                name=NAME,
                default=None,
                visible_arg_names=[OPTION],
                type=json.loads,
                metavar="JSON",
                help="description of a convolutional encoder (default: recurrent)",
            )
        )
        return groups

    def encoder(settings, *arguments):
        return (ConvEncoder if described(settings) else plain_encoder)(settings, *arguments)

    class Decoder(plain_decoder):
        """Attends over the encoder's positions, which may be fewer than the source's."""

        def __init__(self, settings, context, embeddings, mask, *arguments):
            super().__init__(settings, context, embeddings, getattr(context, "pooled_mask", mask), *arguments)

    config.ConfigSpecification._define_param_specs = specs
    rnn_model.Encoder = encoder
    rnn_model.Decoder = Decoder


def described(settings):
    """The description of the encoder; None for Nematus' own."""
    return getattr(settings, NAME, None)


class ConvEncoder(object):
    """In the place of rnn_model.Encoder: the same constructor, `emb_layer` and `get_context`."""

    def __init__(self, settings, batch_size, layernorm, dropout_source, dropout_embedding, dropout_hidden):
        import layers

        self.description = described(settings)
        self.dropout_source = dropout_source
        self.dropout_embedding, self.dropout_hidden = dropout_embedding, dropout_hidden
        self.embedding_size, self.outputs = settings.embedding_size, 2 * settings.state_size
        with tf.compat.v1.variable_scope("embedding"):
            self.emb_layer = layers.EmbeddingLayer(settings.source_vocab_sizes, settings.dim_per_factor)

    def get_context(self, x, x_mask):
        """Tokens (factors, time, batch), mask (time, batch) to annotations (time, batch, 2 * state_size) and embeddings."""
        with tf.compat.v1.variable_scope("embedding"):
            embeddings = self.emb_layer.forward(x)
            if self.dropout_source is not None:
                embeddings = self.dropout_source(embeddings)
        values = tf.transpose(a=embeddings, perm=[1, 0, 2])  # (batch, time, size) from here on
        mask = tf.expand_dims(tf.transpose(a=x_mask), axis=2)
        values = self._drop(values, self.dropout_embedding, self.embedding_size)
        size = self.embedding_size
        for number, layer in enumerate(self.description["layers"]):
            with tf.compat.v1.variable_scope("conv{}".format(number)):
                values = convolution(values * mask, layer["kernel"], size, layer["filters"])
            size = layer["filters"]
            values = self._drop(values, self.dropout_hidden, size)
        pool = self.description["pool"]
        if pool > 1:
            values, mask = pooled(values, mask, pool)
            embeddings = tf.transpose(a=pooled(tf.transpose(a=embeddings, perm=[1, 0, 2]), None, pool)[0], perm=[1, 0, 2])
        for number in range(self.description["highway"]):
            with tf.compat.v1.variable_scope("highway{}".format(number)):
                values = highway(values, size)
        with tf.compat.v1.variable_scope("annotations"):
            values = tf.tanh(dense(values, size, self.outputs)) * mask
        context = tf.transpose(a=values, perm=[1, 0, 2])
        if pool > 1:
            context.pooled_mask = tf.transpose(a=tf.squeeze(mask, axis=2))
        return context, embeddings

    @staticmethod
    def _drop(values, dropout, size):
        """Dropout with one mask for all positions of an example, as in the rest of Nematus."""
        if dropout is None:
            return values
        kept = dropout(tf.ones([tf.shape(input=values)[0], size]))
        return values * tf.expand_dims(kept, axis=1)


def convolution(values, kernel, inputs, filters):
    """A rectified convolution over time: (batch, time, inputs) to (batch, time, filters)."""
    weights = tf.compat.v1.get_variable("W", [kernel, inputs, filters], initializer=glorot())
    bias = tf.compat.v1.get_variable("b", [filters], initializer=tf.compat.v1.zeros_initializer())
    left = (kernel - 1) // 2
    padded = tf.pad(tensor=values, paddings=[[0, 0], [left, kernel - 1 - left], [0, 0]])
    outputs = tf.nn.relu(tf.nn.conv1d(padded, weights, 1, "VALID") + bias)
    return outputs + values if inputs == filters else outputs


def pooled(values, mask, width):
    """The largest of every `width` positions: (batch, time, size) and mask (batch, time, 1) with time / width, rounded up."""
    shape = tf.shape(input=values)
    batch, time, size = shape[0], shape[1], values.shape[2]
    windows = (time + width - 1) // width
    if mask is None:
        mask = tf.ones([batch, time, 1])
    missing = [[0, 0], [0, windows * width - time], [0, 0]]
    masked = tf.pad(tensor=values * mask + NEVER * (1.0 - mask), paddings=missing, constant_values=NEVER)
    largest = tf.reduce_max(input_tensor=tf.reshape(masked, [batch, windows, width, size]), axis=2)
    left = tf.reduce_max(input_tensor=tf.reshape(tf.pad(tensor=mask, paddings=missing), [batch, windows, width, 1]), axis=2)
    return tf.where(tf.tile(left > 0.0, [1, 1, size]), largest, tf.zeros_like(largest)), left


def highway(values, size):
    """One highway layer; it begins as nearly the identity."""
    with tf.compat.v1.variable_scope("transform"):
        transformed = tf.nn.relu(dense(values, size, size))
    with tf.compat.v1.variable_scope("gate"):
        gate = tf.sigmoid(dense(values, size, size) - 2.0)
    return gate * transformed + (1.0 - gate) * values


def dense(values, inputs, outputs):
    """An affine map of each position."""
    weights = tf.compat.v1.get_variable("W", [inputs, outputs], initializer=glorot())
    bias = tf.compat.v1.get_variable("b", [outputs], initializer=tf.compat.v1.zeros_initializer())
    return tf.tensordot(values, weights, axes=1) + bias


def glorot():
    """Glorot and Bengio 2010."""
    return tf.compat.v1.glorot_uniform_initializer()
