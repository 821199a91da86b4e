"""Architectures of the package `transformers`, tiny and with random weights, as their own code exports them."""

import torch
import transformers
from torch import nn
from torch.export import Dim
from transformers.integrations.executorch import register_dynamic_cache_export_support

register_dynamic_cache_export_support()

WORDS = 23
SMALL = {"vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
MORE = {**SMALL, "intermediate_size": 24, "max_position_embeddings": 32}
ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}


def model(kind, settings, config=None, **loads):
    """A class of the package, by the settings of its configuration."""

    def make():
        config_class = getattr(transformers, config or kind.replace("ForCausalLM", "Config"))
        made = config_class(**settings)
        made._attn_implementation = loads.get("attention", "sdpa")
        return getattr(transformers, kind)(made)

    return make


class NoCache(nn.Module):
    """The logits alone: what a cache would keep is left out."""

    def __init__(self, make):
        super().__init__()
        self.model = make()

    def forward(self, input_ids):
        return self.model(input_ids, use_cache=False).logits


def words(count=2, length=5):
    return torch.randint(3, WORDS, (count, length))


def images(size=16, channels=3):
    return ((), {"pixel_values": torch.randn(2, channels, size, size)})


def text(mask=False):
    def make():
        named = {"input_ids": words()}
        if mask:
            named["attention_mask"] = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
        return ((), named)

    return make


def logits(make):
    return lambda: NoCache(make)


LLAMA = {**MORE, "num_key_value_heads": 1, **ENDS}
VISION = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "image_size": 16,
    "patch_size": 8,
}
ANY = {"input_ids": {0: Dim("batch", min=1, max=16), 1: Dim("length", min=2, max=32)}}
WITH_MASK = {**ANY, "attention_mask": ANY["input_ids"]}

BERT = model("BertModel", {**MORE, **ENDS}, "BertConfig")
GPT2 = model(
    "GPT2LMHeadModel",
    {"vocab_size": WORDS, "n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32, **ENDS},
    "GPT2Config",
)
T5 = model(
    "T5ForConditionalGeneration",
    {
        "vocab_size": WORDS,
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 24,
        "num_layers": 2,
        "num_heads": 2,
        "decoder_start_token_id": 0,
        "use_cache": False,
        **ENDS,
    },
    "T5Config",
)
WHISPER = model(
    "WhisperModel",
    {
        "vocab_size": WORDS,
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "decoder_ffn_dim": 24,
        "num_mel_bins": 6,
        "max_source_positions": 8,
        "max_target_positions": 12,
        "decoder_start_token_id": 1,
        "use_cache": False,
        **ENDS,
    },
    "WhisperConfig",
)
CLIP = model(
    "CLIPModel",
    {
        "text_config": {**MORE, "projection_dim": 8, **ENDS},
        "vision_config": VISION,
        "projection_dim": 8,
    },
    "CLIPConfig",
)
MAMBA = model(
    "MambaForCausalLM",
    {"vocab_size": WORDS, "hidden_size": 8, "state_size": 3, "num_hidden_layers": 2, **ENDS},
    attention="eager",
)


def decoder(kind, **settings):
    return logits(model(f"{kind}ForCausalLM", {**LLAMA, **settings}))


def seq_to_seq(name):
    return lambda: ((), {name: words(), "decoder_input_ids": words(2, 4)})


MODELS = {
    "bert": (BERT, text(True), None, False),
    "bert_any_length": (BERT, text(True), WITH_MASK, False),
    "bert_eager": (
        model("BertModel", {**MORE, **ENDS}, "BertConfig", attention="eager"),
        text(True),
        None,
        False,
    ),
    "bert_classifier": (
        model("BertForSequenceClassification", {**MORE, **ENDS}, "BertConfig"),
        text(True),
        None,
        False,
    ),
    "gpt2": (GPT2, text(), None, False),
    "gpt2_any_length": (logits(GPT2), text(), ANY, False),
    "llama": (model("LlamaForCausalLM", LLAMA), text(), None, False),
    "llama_any_length": (decoder("Llama"), text(), ANY, False),
    "qwen": (decoder("Qwen2"), text(), ANY, False),
    "gemma": (decoder("Gemma", head_dim=8), text(), None, False),
    "mixtral": (
        decoder("Mixtral", num_local_experts=3, num_experts_per_tok=2, head_dim=8),
        text(),
        None,
        False,
    ),
    "t5": (T5, seq_to_seq("input_ids"), None, False),
    "bart": (
        model(
            "BartModel",
            {
                "vocab_size": WORDS,
                "d_model": 16,
                "encoder_layers": 1,
                "decoder_layers": 1,
                "encoder_attention_heads": 2,
                "decoder_attention_heads": 2,
                "encoder_ffn_dim": 24,
                "decoder_ffn_dim": 24,
                "max_position_embeddings": 16,
                "use_cache": False,
                **ENDS,
            },
            "BartConfig",
        ),
        seq_to_seq("input_ids"),
        None,
        False,
    ),
    "vit": (model("ViTModel", VISION, "ViTConfig"), images, None, False),
    "vit_classifier": (
        model("ViTForImageClassification", VISION, "ViTConfig"),
        images,
        {"pixel_values": {0: Dim("batch", min=1, max=16)}},
        False,
    ),
    "swin": (
        model(
            "SwinModel",
            {
                "image_size": 16,
                "patch_size": 2,
                "embed_dim": 8,
                "depths": [2, 2],
                "num_heads": [2, 2],
                "window_size": 4,
            },
            "SwinConfig",
        ),
        images,
        None,
        False,
    ),
    "clip": (
        CLIP,
        lambda: ((), {"input_ids": words(), "pixel_values": torch.randn(2, 3, 16, 16)}),
        None,
        False,
    ),
    "whisper": (
        WHISPER,
        lambda: ((), {"input_features": torch.randn(2, 6, 16), "decoder_input_ids": words(2, 4)}),
        None,
        False,
    ),
    "wav2vec": (
        model(
            "Wav2Vec2Model",
            {
                **SMALL,
                "intermediate_size": 24,
                "conv_dim": [8, 8],
                "conv_stride": [4, 2],
                "conv_kernel": [4, 2],
                "num_feat_extract_layers": 2,
                "num_conv_pos_embeddings": 4,
                "num_conv_pos_embedding_groups": 2,
                "feat_extract_norm": "layer",
                "apply_spec_augment": False,
            },
            "Wav2Vec2Config",
        ),
        lambda: ((), {"input_values": torch.randn(2, 64)}),
        None,
        False,
    ),
    "mamba": (logits(MAMBA), text(), None, False),
}
