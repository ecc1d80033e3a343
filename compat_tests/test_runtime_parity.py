"""Trees, dtype policies and small helpers against reference Keras: the same results, and errors of the same kind."""

from collections import OrderedDict, namedtuple

import pytest

import kerastorch
from compat_tests import test_utils_parity as _  # noqa: F401  # sets what the reference runs on

reference = pytest.importorskip("keras")
P = namedtuple("P", "x y")
NEST = [{"b": 1, "a": P(2, [3])}, (4, None)]


def either(code):
    """What an expression gives on both, or the kind of error."""
    found = []
    for keras in (reference, kerastorch):
        try:
            found.append(eval(code, {"tree": keras.tree, "policies": keras.dtype_policies, "utils": keras.utils, "keras": keras,
                                     "backend": keras.backend, "NEST": NEST, "P": P, "OrderedDict": OrderedDict}))  # fmt: skip
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            found.append(type(error).__mro__[-4:])
    return found


TREES = """
tree.flatten(NEST) | tree.flatten(None) | tree.flatten(OrderedDict(b=1, a=2)) | tree.flatten_with_path(NEST) | tree.flatten_with_path(3)
tree.is_nested([]) | tree.is_nested("ab") | tree.is_nested({1}) | tree.lists_to_tuples(NEST) | tree.pack_sequence_as(NEST, [5, 6, 7, 8, 9])
tree.pack_sequence_as(NEST, [5]) | tree.pack_sequence_as(NEST, 5) | tree.pack_sequence_as(1, [[8]])
tree.map_structure(lambda *x: x, NEST, NEST) | tree.map_structure(3, NEST) | tree.map_structure(lambda x: x)
tree.map_structure(lambda *x: x, [1], (1,)) | tree.map_structure(lambda *x: x, [1], [1, 2]) | tree.map_structure(lambda *x: x, [1], [[1]])
tree.map_structure(str, [None, 1], none_is_leaf=False) | tree.map_structure(str, [None, 1])
tree.map_structure_up_to([1, [2, 3]], lambda *x: x, [1, [2, 3]], [[1, 1], [{"a": 1}, 3]])
tree.map_structure_up_to([None, [1]], lambda x: x, [1, 2]) | tree.map_structure_up_to([1], lambda x: x)
tree.assert_same_structure([1, None], [1, 2]) | tree.assert_same_structure([1, 2], (1, 2)) | tree.assert_same_structure([1, [2]], [1, 2])
tree.assert_same_structure([1, 2], [1, [2]]) | tree.assert_same_structure({"a": 1}, OrderedDict(a=1)) | tree.assert_same_structure(P(1, 2), (1, 2))
tree.assert_same_paths([1, 2], (1, 2)) | tree.assert_same_paths([1, 2], (1, (2,))) | tree.assert_same_paths([1, 2], {0: 1, 1: 2})
tree.traverse(lambda v: 0 if isinstance(v, P) else None, NEST) | tree.traverse(lambda v: tree.MAP_TO_NONE if v == 3 else None, NEST)
tree.traverse(lambda v: tree.MAP_TO_NONE if isinstance(v, tuple) else None, NEST) | tree.traverse(3, NEST)
tree.traverse(lambda v: sum(v) if isinstance(v, list) else None, [[1, 2], [3, [4]]], top_down=False)
tree.traverse(lambda v: tuple(v) if isinstance(v, list) else None, [1, [2]])
tree.map_shape_structure(tuple, {"a": [1, None], "b": ((1, 2), [3])}) | tree.map_shape_structure(str, [None, 2]) | tree.map_shape_structure(3, [1])
"""
NAMES = ("float32 mixed_float16 uint8 string int8_from_float32 int4_from_float16 int4/128_from_float32 int4/-1_from_mixed_bfloat16 "
         "gptq/4/-1_from_float32 awq/4/128_from_float32 float8_from_mixed_float16 int8 int8_abc int4/0_from_float32 int4/a_from_float32 "
         "gptq/5/1_from_float32 gptq/4_from_float32 awq/8/1_from_float32 int8_from_float16 int9_from_float32 mixed_float15").split()  # fmt: skip
POLICIES = """
policies.serialize(policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=3))
policies.serialize(policies.DTypePolicyMap("float16", {"a": policies.DTypePolicy("float32")}))
policies.DTypePolicyMap(policy_map={"a": policies.QuantizedDTypePolicy("int8", "float32")}).get_config()
policies.DTypePolicyMap(policy_map=3) | policies.DTypePolicyMap(policies.DTypePolicyMap()) | policies.DTypePolicy(3) | policies.get(3)
policies.DTypePolicy("float32") == policies.FloatDTypePolicy("float32")
policies.QuantizedDTypePolicy("int8", "float32") == policies.DTypePolicy("float32")
keras.config.set_dtype_policy(None)
utils.pack_x_y_sample_weight([1]) | utils.pack_x_y_sample_weight(1, 2, 3) | utils.unpack_x_y_sample_weight((1, 2)) | backend.result_type()
utils.Config(a=1, b={"c": 2}).to_json() | utils.Config(a=1).z | utils.Config(a=1)["z"] | repr(utils.Config(a=1))
"""


@pytest.mark.parametrize("code", [c.strip() for line in (TREES + POLICIES).splitlines() for c in line.split(" | ") if c.strip()])
def test_the_same(code):
    expected, found = either(code)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize("name", NAMES)
def test_policies_by_name(name):
    shown = "(lambda p: (type(p).__name__, p.name, p.get_config(), p.quantization_mode, p.compute_dtype, p.variable_dtype, repr(p)))"
    expected, found = either(f"{shown}(policies.get({name!r}))")
    assert found == expected


def test_a_map_takes_the_policy_of_the_only_key_that_matches():
    code = "[m[k].name for m in [policies.DTypePolicyMap('float16', {'a/.*': policies.get('bfloat16'), 'b': policies.get('float64')})] for k in ('a/x', 'b', 'bc', 'a')]"  # noqa: E501
    expected, found = either(code)
    assert found == expected == ["bfloat16", "float64", "float16", "float16"]
