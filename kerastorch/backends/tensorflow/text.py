"""TensorFlow's versions of the host functions (see layers/data_layer.py), which its pipelines and functions can hold."""

import weakref

import tensorflow as tf

from kerastorch.layers import data_layer, hashing, lookup, text


def each(function):
    """A function of dense tensors that does the same with the values of sparse and ragged ones."""

    def run(x, *args):
        with tf.device("cpu:0"):
            if isinstance(x, tf.SparseTensor):
                return x.with_values(function(x.values, *args))
            return tf.ragged.map_flat_values(function, x, *args) if isinstance(x, tf.RaggedTensor) else function(x, *args)

    return run


def bucket(x, bins, salt):
    """Bins of text, or of numbers by their decimal digits."""
    x = tf.cast(x, tf.int64) if x.dtype.is_floating else x
    x = x if x.dtype == tf.string else tf.strings.as_string(x)
    return tf.strings.to_hash_bucket_fast(x, bins) if salt is None else tf.strings.to_hash_bucket_strong(x, bins, salt)


def hashed(x, bins, salt, mask_value):
    if mask_value is None or bins == 1:
        return bucket(x, bins, salt)
    return tf.where(tf.equal(x, mask_value), tf.zeros((), tf.int64), bucket(x, bins - 1, salt) + 1)


def crossed(xs, bins):
    if any(isinstance(x, tf.SparseTensor | tf.RaggedTensor) for x in xs):
        raise ValueError("All `HashedCrossing` inputs should be dense tensors, not sparse or ragged ones")
    xs = [tf.convert_to_tensor(x) for x in xs]
    columns = [tf.reshape(x, [-1, 1]) for x in xs]
    columns = [c if c.dtype == tf.string else tf.cast(c, tf.int64) for c in columns]
    with tf.device("cpu:0"):
        found = tf.sparse.to_dense(tf.sparse.cross_hashed(columns, bins))
    return tf.ensure_shape(tf.reshape(found, tf.shape(xs[0])), xs[0].shape)


tables = weakref.WeakKeyDictionary()  # TensorFlow's own tables of those in use


def native(table):
    """TensorFlow's table of a table."""
    found = tables.get(table)
    if found is None:
        with tf.init_scope():  # outside of the function that is being traced, for others use it too
            keys = tf.constant(table.keys, tf.string, [len(table.keys)])
            values = tf.constant(table.values, tf.int64, [len(table.keys)])
            start = tf.lookup.KeyValueTensorInitializer(keys, values)
            found = tables[table] = tf.lookup.StaticHashTable(start, lookup.UNKNOWN)
    return found


def looked_up(x, table):
    ids = native(table).lookup(x)
    unknown = tf.equal(ids, lookup.UNKNOWN)
    if table.buckets == 0:
        known = tf.debugging.Assert(~tf.reduce_any(unknown), [lookup.NO_BUCKET, tf.boolean_mask(x, unknown)])
        with tf.control_dependencies([known]):
            return tf.identity(ids)
    others = table.start + (bucket(x, table.buckets, table.salt) if table.buckets > 1 else tf.zeros_like(ids))
    return tf.where(unknown, others, ids)


def words(ids, tokens, other):
    inside = (ids >= 0) & (ids < len(tokens))
    return tf.gather(tf.constant([*tokens, other]), tf.where(inside, ids, len(tokens)))


def tokens(x, recipe):
    """The tokens of texts, as a tensor that is ragged where they were split."""
    with tf.device("cpu:0"):
        if recipe.lower:
            x = tf.strings.lower(x)
        if recipe.strip:
            x = tf.strings.regex_replace(x, text.PUNCTUATION_PATTERN, "")
        if callable(recipe.standardize):
            x = recipe.standardize(x)
        if recipe.split is not None and x.shape.rank > 1:
            if x.shape[-1] != 1:
                raise ValueError(text.LAST_AXIS.format(tuple(x.shape)))
            x = tf.squeeze(x, -1)
        if recipe.split == "whitespace":
            x = tf.strings.split(x)
        elif recipe.split == "character":
            x = tf.strings.unicode_split(x, "UTF-8")
        elif recipe.split is not None:
            x = recipe.split(x)
        return x if recipe.ngrams is None else tf.strings.ngrams(x, recipe.ngrams, separator=" ")


def rows(x, recipe):
    found = tokens(x, recipe)
    found = found.to_list() if isinstance(found, tf.RaggedTensor) else found.numpy().tolist()
    return [found] if not found or not isinstance(found[0], list) else found


def vectorized(x, recipe, table, length, fill):
    ids = each(looked_up)(tokens(x, recipe), table)
    if recipe.ragged:
        return ids if length is None else ids[..., :length]
    if isinstance(ids, tf.RaggedTensor):
        return ids.to_tensor(fill, shape=[*ids.shape[:-1], length])
    if length is None:
        return ids
    ids = ids[..., :length]
    missing = [[0, 0]] * (ids.shape.rank - 1) + [[0, length - tf.shape(ids)[-1]]]
    return tf.ensure_shape(tf.pad(ids, missing, constant_values=fill), [*ids.shape[:-1], length])


def filled(x, fill):
    if isinstance(x, tf.RaggedTensor):
        return x.to_tensor(fill)
    return tf.sparse.to_dense(x, fill) if isinstance(x, tf.SparseTensor) else x


HOST = {
    data_layer.filled: filled,
    data_layer.without_zeros: tf.sparse.from_dense,
    hashing.crossed: crossed,
    hashing.hashed: each(hashed),
    lookup.looked_up: each(looked_up),
    lookup.words: words,
    text.rows: rows,
    text.vectorized: vectorized,
}
