#!/usr/bin/env python3
"""make_gguf.py OUT.gguf [--size 2G] [--think 3] ...: writes a llama-architecture GGUF v3 file with random weights.

For tests that need a real engine to load a real file.  The vocabulary is SPM ("llama") with byte fallback: 3 specials,
4 chat marks, 256 bytes, and some English words and letters, so that the text is readable nonsense.  One embedding
coordinate is held constant through the network, which gives every token a bias: bytes and marks are (nearly) never
drawn, and EOS is drawn as often as --eos-bias says (-99: never; 0: about once in 500 tokens).

--size asks for a file of about that size: layers are added until it is reached (take a larger --embd with it:
--embd 2048 --ff 5632 --heads 16 --kv 16).
"""
import argparse
import math
import os
import random
import struct

WORDS = """the of and a to in is was he for it with as his on be at by I this had not are but
from or have an they which one you were her all she there would their we him been has when who
will more no if out so said what up its about into than them can only other new some could time
these two may then do first any my now such like our over man me even most made after also did
many before must through back years where much your way well down should because each just those
people how too little state good very make world still own see men work long get here between both
life being under never day same another know while last might us great old year off come since
against go came right used take three model token server local answer question machine memory
light water small river stone house green paper letter number music story night morning road
""".split()
PUNCT = list(".,;:!?'\"()-+*/=<>[]{}#`_|&%$@\\~^") + ["\n", "\n\n", ". ", ", "]

TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
THINK_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '<|assistant|>\n' }}"
    "{% if message['reasoning_content'] %}{{ '<think>\n' + message['reasoning_content'] + '\n</think>\n\n' }}{% endif %}"
    "{{ message['content'] + eos_token + '\n' }}{% else %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n<think>\n' }}{% endif %}"
)

SPACE = "\u2581"  # how SPM writes a space
EOS = 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6  # token types
U32, I32, F32, BOOL, STR, ARR = 4, 5, 6, 7, 8, 9  # types of metadata values
WEIGHTS = {"f32": (0, 1, 4), "f16": (1, 1, 2), "q8_0": (8, 32, 34)}  # ggml id, values in a block, bytes of a block
FILE_TYPE = {"f32": 0, "f16": 1, "q8_0": 7}
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def string(x):
    b = x.encode()
    return struct.pack("<Q", len(b)) + b


def pair(key, kind, value, sub=None):
    """One key and its value; sub is the type of an array's elements."""
    out = string(key) + struct.pack("<I", kind)
    if kind == STR:
        return out + string(value)
    if kind != ARR:
        return out + struct.pack({U32: "<I", F32: "<f", BOOL: "<?"}[kind], value)
    out += struct.pack("<IQ", sub, len(value))
    if sub == STR:
        return out + b"".join(map(string, value))
    return out + struct.pack("<%d%s" % (len(value), {F32: "f", I32: "i"}[sub]), *value)


def vocabulary(think):
    """(tokens, scores, types, numbers of those that are to be drawn)"""
    tokens, scores, types, drawn = [], [], [], set()

    def add(token, score, kind):
        tokens.append(token)
        scores.append(float(score))
        types.append(kind)

    add("<unk>", 0, UNKNOWN)
    for mark in ("<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>"):
        add(mark, 0, CONTROL)
    if think:
        add("<think>", 0, USER_DEFINED)
        add("</think>", 0, USER_DEFINED)
    for i in range(256):
        add("<0x%02X>" % i, 0, BYTE)

    letters = [SPACE] + [chr(base + i) for base, n in ((97, 26), (65, 26), (48, 10)) for i in range(n)]
    marks = [p.replace(" ", SPACE) for p in PUNCT]
    words = [SPACE + w for w in WORDS]
    # every prefix of a word, so that the SPM merges can reach it
    prefixes = [w[:k] for w in words for k in range(2, len(w) + 1)]
    whole = set(words) | set(marks)
    for rank, piece in enumerate(dict.fromkeys(letters + marks + prefixes), 1):
        if piece in whole:
            drawn.add(len(tokens))
        add(piece, -rank, NORMAL)
    return tokens, scores, types, drawn


def parse_size(text):
    unit = UNITS.get(text[-1].upper())
    return int(float(text[:-1]) * unit) if unit else int(text)


def arguments():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("out")
    numbers = {"layers": 4, "embd": 128, "ff": 384, "heads": 4, "kv": 2, "ctx": 4096, "seed": 1}
    for name, default in numbers.items():
        a.add_argument("--" + name, type=int, default=default)
    a.add_argument("--type", default="f16", choices=WEIGHTS)
    a.add_argument("--size", type=parse_size)
    a.add_argument("--eos-bias", type=float, default=0.0)
    a.add_argument("--think", type=float, metavar="BIAS",
                   help="a thinking model: the answer starts in <think>; </think> is drawn with this bias (try 3)")
    a.add_argument("--name", default="tiny-random")
    o = a.parse_args()
    if o.embd % o.heads or o.heads % o.kv or o.embd // o.heads % 2 or o.embd % 32 or o.ff % 32:
        a.error("embd must be a multiple of 32 and of heads, ff of 32, heads of kv; embd / heads must be even")
    return o


class Model:
    """The tensors of a model of the asked shape, and how each is filled."""

    def __init__(self, o):
        self.o = o
        self.random = random.Random(o.seed)
        self.tokens, self.scores, self.types, self.drawn = vocabulary(o.think is not None)
        self.ggml_id, self.block, self.block_bytes = WEIGHTS[o.type]
        self.head = o.embd // o.heads
        kv_width = self.head * o.kv
        layer = [("attn_norm", (o.embd,)), ("attn_q", (o.embd, o.embd)), ("attn_k", (o.embd, kv_width)),
                 ("attn_v", (o.embd, kv_width)), ("attn_output", (o.embd, o.embd)), ("ffn_norm", (o.embd,)),
                 ("ffn_gate", (o.embd, o.ff)), ("ffn_up", (o.embd, o.ff)), ("ffn_down", (o.ff, o.embd))]
        self.layers = o.layers
        if o.size:
            one = sum(self.size(dims, self.kind(dims)) for _, dims in layer)
            self.layers = max(1, round((o.size - 2 * 4 * o.embd * len(self.tokens)) / one))
        width = (o.embd, len(self.tokens))
        self.tensors = [("token_embd.weight", width, 0), ("output.weight", width, 0), ("output_norm.weight", (o.embd,), 0)]
        for i in range(self.layers):
            self.tensors += [("blk.%d.%s.weight" % (i, n), dims, self.kind(dims)) for n, dims in layer]

    def kind(self, dims):
        return 0 if len(dims) == 1 else self.ggml_id

    def size(self, dims, kind):
        n = math.prod(dims)
        return n * 4 if kind == 0 else n // self.block * self.block_bytes

    def metadata(self):
        o = self.o
        return [
            pair("general.architecture", STR, "llama"),
            pair("general.name", STR, o.name),
            pair("general.file_type", U32, FILE_TYPE[o.type]),
            pair("llama.context_length", U32, o.ctx),
            pair("llama.embedding_length", U32, o.embd),
            pair("llama.block_count", U32, self.layers),
            pair("llama.feed_forward_length", U32, o.ff),
            pair("llama.attention.head_count", U32, o.heads),
            pair("llama.attention.head_count_kv", U32, o.kv),
            pair("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
            pair("llama.rope.dimension_count", U32, self.head),
            pair("llama.vocab_size", U32, len(self.tokens)),
            pair("tokenizer.ggml.model", STR, "llama"),
            pair("tokenizer.ggml.tokens", ARR, self.tokens, STR),
            pair("tokenizer.ggml.scores", ARR, self.scores, F32),
            pair("tokenizer.ggml.token_type", ARR, self.types, I32),
            pair("tokenizer.ggml.bos_token_id", U32, 1),
            pair("tokenizer.ggml.eos_token_id", U32, EOS),
            pair("tokenizer.ggml.unknown_token_id", U32, 0),
            pair("tokenizer.ggml.add_bos_token", BOOL, True),
            pair("tokenizer.ggml.add_eos_token", BOOL, False),
            pair("tokenizer.chat_template", STR, TEMPLATE if o.think is None else THINK_TEMPLATE),
        ]

    def bias(self, token):
        if token in self.drawn:
            return 0.0
        if token == EOS:
            return self.o.eos_bias
        return self.o.think if self.tokens[token] == "</think>" else -60.0

    def pool(self):
        """Random values that the matrices repeat; its length is no multiple of a row's."""
        std = 1.0 / self.o.embd**0.5
        if self.o.type == "q8_0":
            one = b"".join(struct.pack("<e", std / 64) + self.random.randbytes(32) for _ in range(16411))
        else:
            values = [max(-3.0, min(3.0, self.random.gauss(0, 1))) * std for _ in range(262147)]
            one = struct.pack("<%d%s" % (len(values), "e" if self.o.type == "f16" else "f"), *values)
        return one, one * max(1, (8 << 20) // len(one))

    def write_rows(self, f, first, spread):
        """A float matrix with a row a token: first(token), then random values."""
        for token in range(len(self.tokens)):
            rest = [self.random.gauss(0, 1) * spread for _ in range(self.o.embd - 1)]
            f.write(struct.pack("<%df" % self.o.embd, first(token), *rest))

    def write_matrix(self, f, name, dims, kind, pool):
        one, big = pool
        cut = self.random.randrange(len(one) // self.block_bytes) * self.block_bytes
        left, data = self.size(dims, kind), big[cut:] + big[:cut]
        # rows that write coordinate 0 are zero, so that it stays constant
        if name.endswith(("attn_output.weight", "ffn_down.weight")):
            row = dims[0] // self.block * self.block_bytes
            f.write(b"\0" * row)
            left -= row
        while left:
            n = min(left, len(data))
            f.write(data[:n])
            left -= n

    def write(self, f):
        def align():
            f.write(b"\0" * (-f.tell() % 32))

        meta = self.metadata()
        f.write(b"GGUF" + struct.pack("<IQQ", 3, len(self.tensors), len(meta)) + b"".join(meta))
        offset = 0
        for name, dims, kind in self.tensors:
            f.write(string(name) + struct.pack("<I%dQIQ" % len(dims), len(dims), *dims, kind, offset))
            offset += (self.size(dims, kind) + 31) // 32 * 32
        align()
        constant, pool = 3.0, self.pool()
        # what coordinate 0 is after the norm, inverted
        gain = (1 + constant * constant / self.o.embd) ** 0.5 / constant
        for name, dims, kind in self.tensors:
            if name == "token_embd.weight":
                self.write_rows(f, lambda _: constant, 1.0)
            elif name == "output.weight":
                self.write_rows(f, lambda token: self.bias(token) * gain, 1.5 / self.o.embd**0.5)
            elif len(dims) == 1:
                f.write(struct.pack("<%df" % dims[0], *([1.0] * dims[0])))
            else:
                self.write_matrix(f, name, dims, kind, pool)
            align()


def main():
    o = arguments()
    model = Model(o)
    with open(o.out, "wb") as f:
        model.write(f)
    print("%s: %d layers, embd %d, vocab %d, %.1f MB"
          % (o.out, model.layers, o.embd, len(model.tokens), os.path.getsize(o.out) / 1e6))


main()
