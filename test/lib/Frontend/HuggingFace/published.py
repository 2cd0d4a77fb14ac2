"""Configs as they are published, with every field that says nothing, and the parameters that their authors count; then what a
file may leave out."""
import json
import math
import re
import subprocess
import sys

COMMON = {"_name_or_path": "x", "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": [1, 2],
          "initializer_range": 0.02, "torch_dtype": "bfloat16", "transformers_version": "4.42.3", "use_cache": True}


def llama(**fields):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "rms_norm_eps": 1e-5,
            "pretraining_tp": 1, "attention_bias": False, "mlp_bias": False, "rope_scaling": None,
            "tie_word_embeddings": False, **fields}


LLAMA31 = llama(hidden_size=4096, intermediate_size=14336, num_attention_heads=32, num_hidden_layers=32,
                num_key_value_heads=8, vocab_size=128256, max_position_embeddings=131072, rope_theta=5e5,
                rope_scaling={"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                              "original_max_position_embeddings": 8192, "rope_type": "llama3"})
SMOL = llama(hidden_size=960, intermediate_size=2560, num_attention_heads=15, num_hidden_layers=32,
             num_key_value_heads=5, vocab_size=49152, max_position_embeddings=8192, tie_word_embeddings=True,
             is_llama_config=True, rope_interleaved=False, pad_token_id=2, **{"transformers.js_config": {"dtype": "q4"}})
PHI3 = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "attention_bias": False, "embd_pdrop": 0.0,
        "auto_map": {"AutoConfig": "x"}, "hidden_act": "silu", "hidden_size": 3072, "intermediate_size": 8192,
        "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 32, "pad_token_id": 32000, "resid_pdrop": 0.0,
        "rms_norm_eps": 1e-5, "rope_scaling": None, "rope_theta": 1e4, "sliding_window": 2047,
        "tie_word_embeddings": False, "vocab_size": 32064}
GEMMA2 = {"architectures": ["Gemma2ForCausalLM"], "model_type": "gemma2", "attention_bias": False,
          "attn_logit_softcapping": 50.0, "cache_implementation": "hybrid", "final_logit_softcapping": 30.0,
          "head_dim": 256, "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "gelu_pytorch_tanh",
          "hidden_size": 3584, "intermediate_size": 14336, "max_position_embeddings": 8192, "num_attention_heads": 16,
          "num_hidden_layers": 42, "num_key_value_heads": 8, "pad_token_id": 0, "query_pre_attn_scalar": 256,
          "rms_norm_eps": 1e-6, "rope_theta": 1e4, "sliding_window": 4096, "sliding_window_size": 4096,
          "vocab_size": 256000}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 3584,
         "intermediate_size": 18944, "max_position_embeddings": 32768, "max_window_layers": 28,
         "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-6,
         "rope_theta": 1e6, "sliding_window": 131072, "tie_word_embeddings": False, "use_sliding_window": False,
         "vocab_size": 152064}
DEEPSEEK = {"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "attention_bias": False,
            "auto_map": {}, "aux_loss_alpha": 0.001, "ep_size": 1, "first_k_dense_replace": 3, "hidden_act": "silu",
            "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512, "max_position_embeddings": 163840,
            "moe_intermediate_size": 2048, "moe_layer_freq": 1, "n_group": 8, "n_routed_experts": 256,
            "n_shared_experts": 1, "norm_topk_prob": True, "num_attention_heads": 128, "num_experts_per_tok": 8,
            "num_hidden_layers": 61, "num_key_value_heads": 128, "num_nextn_predict_layers": 1, "pretraining_tp": 1,
            "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
            "quantization_config": {"activation_scheme": "dynamic", "fmt": "e4m3", "quant_method": "fp8",
                                    "weight_block_size": [128, 128]},
            "rms_norm_eps": 1e-6, "rope_scaling": {"factor": 40, "mscale": 1.0, "mscale_all_dim": 1.0, "type": "yarn"},
            "rope_theta": 10000, "routed_scaling_factor": 2.5, "scoring_func": "sigmoid", "seq_aux": True,
            "tie_word_embeddings": False, "topk_group": 4, "topk_method": "noaux_tc", "v_head_dim": 128,
            "vocab_size": 129280}
LLAMA32 = llama(hidden_size=2048, intermediate_size=8192, num_attention_heads=32, num_hidden_layers=16, head_dim=64,
                num_key_value_heads=8, vocab_size=128256, max_position_embeddings=131072, rope_theta=5e5,
                tie_word_embeddings=True,
                rope_scaling={"factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                              "original_max_position_embeddings": 8192, "rope_type": "llama3"})
QWEN25 = {**QWEN2, "hidden_size": 896, "intermediate_size": 4864, "max_window_layers": 24, "num_attention_heads": 14,
          "num_hidden_layers": 24, "num_key_value_heads": 2, "sliding_window": 32768, "tie_word_embeddings": True,
          "use_mrope": False, "vocab_size": 151936}
QWEN3 = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": False, "head_dim": 128,
         "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288, "max_position_embeddings": 40960,
         "max_window_layers": 36, "num_attention_heads": 32, "num_hidden_layers": 36, "num_key_value_heads": 8,
         "rms_norm_eps": 1e-6, "rope_scaling": None, "rope_theta": 1e6, "sliding_window": None,
         "tie_word_embeddings": False, "use_sliding_window": False, "vocab_size": 151936}
GEMMA = {"architectures": ["GemmaForCausalLM"], "model_type": "gemma", "attention_bias": False, "head_dim": 256,
         "hidden_act": "gelu", "hidden_size": 3072, "intermediate_size": 24576, "max_position_embeddings": 8192,
         "num_attention_heads": 16, "num_hidden_layers": 28, "num_key_value_heads": 16, "pad_token_id": 0,
         "rms_norm_eps": 1e-6, "rope_scaling": None, "rope_theta": 1e4, "vocab_size": 256000}
NEMO = {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "head_dim": 128, "hidden_act": "silu",
        "hidden_size": 5120, "intermediate_size": 14336, "max_position_embeddings": 1024000,
        "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "rms_norm_eps": 1e-5,
        "rope_theta": 1e6, "sliding_window": None, "tie_word_embeddings": False, "vocab_size": 131072}
DEEPSEEK2 = {**DEEPSEEK, "architectures": ["DeepseekV2ForCausalLM"], "model_type": "deepseek_v2",
             "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
             "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2, "norm_topk_prob": False,
             "num_attention_heads": 16, "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
             "q_lora_rank": None, "quantization_config": None, "routed_scaling_factor": 1.0, "scoring_func": "softmax",
             "rope_scaling": {"beta_fast": 32, "beta_slow": 1, "factor": 40, "mscale": 0.707, "mscale_all_dim": 0.707,
                              "original_max_position_embeddings": 4096, "type": "yarn"},
             "topk_group": 1, "topk_method": "greedy", "vocab_size": 102400}
DEEPSEEK2.pop("num_nextn_predict_layers")
GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "attn_pdrop": 0.1,
        "embd_pdrop": 0.1, "layer_norm_epsilon": 1e-5, "n_ctx": 1024, "n_embd": 1024, "n_head": 16, "n_layer": 24,
        "n_positions": 1024, "n_special": 0, "predict_special_tokens": True, "resid_pdrop": 0.1,
        "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True,
        "summary_type": "cls_index", "summary_use_proj": True, "task_specific_params": {}, "vocab_size": 50257}
T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_ff": 3072, "d_kv": 64, "d_model": 768,
      "decoder_start_token_id": 0, "dropout_rate": 0.1, "eos_token_id": 1, "initializer_factor": 1.0,
      "is_encoder_decoder": True, "layer_norm_epsilon": 1e-6, "n_positions": 512, "num_heads": 12, "num_layers": 12,
      "output_past": True, "pad_token_id": 0, "relative_attention_num_buckets": 32, "task_specific_params": {},
      "vocab_size": 32128}
FLAN = {**T5, "d_ff": 2048, "feed_forward_proj": "gated-gelu", "num_decoder_layers": 12, "dense_act_fn": "gelu_new",
        "is_gated_act": True, "relative_attention_max_distance": 128, "tie_word_embeddings": False}
BERT = {"architectures": ["BertModel"], "model_type": "bert", "attention_probs_dropout_prob": 0.1, "directionality": "bidi",
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "hidden_size": 768, "intermediate_size": 3072,
        "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_layers": 12,
        "pad_token_id": 0, "pooler_fc_size": 768, "pooler_num_attention_heads": 12, "pooler_num_fc_layers": 3,
        "pooler_size_per_head": 128, "pooler_type": "first_token_transform", "position_embedding_type": "absolute",
        "type_vocab_size": 2, "vocab_size": 119547, "chunk_size_feed_forward": 0, "diversity_penalty": 0.0,
        "num_beam_groups": 1, "remove_invalid_values": False, "return_dict_in_generate": False, "typical_p": 1.0,
        "encoder_no_repeat_ngram_size": 0, "exponential_decay_length_penalty": None, "tf_legacy_loss": False,
        "output_scores": False, "pruned_heads": {}, "tie_encoder_decoder": False, "cross_attention_hidden_size": None}
DECODE = ["decode"]
PHI4_MINI = {**PHI3, "hidden_size": 3072, "intermediate_size": 8192, "num_attention_heads": 24, "num_key_value_heads": 8,
             "partial_rotary_factor": 0.75, "max_position_embeddings": 131072, "sliding_window": 262144, "mlp_bias": False,
             "lm_head_bias": False, "vocab_size": 200064, "tie_word_embeddings": True, "pad_token_id": 199999,
             "rope_scaling": {"long_factor": [1, 1.1], "short_factor": [1.0, 1.0], "type": "longrope"}}
PHI2 = {"architectures": ["PhiForCausalLM"], "model_type": "phi", "embd_pdrop": 0.0, "hidden_act": "gelu_new", "hidden_size": 2560,
        "intermediate_size": 10240, "layer_norm_eps": 1e-5, "max_position_embeddings": 2048, "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 32, "partial_rotary_factor": 0.4, "qk_layernorm": False, "resid_pdrop": 0.1,
        "rope_scaling": None, "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 51200}
PYTHIA = {"architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox", "hidden_act": "gelu", "hidden_size": 2048,
          "intermediate_size": 8192, "layer_norm_eps": 1e-5, "max_position_embeddings": 2048, "num_attention_heads": 16,
          "num_hidden_layers": 24, "rotary_emb_base": 10000, "rotary_pct": 0.25, "tie_word_embeddings": False,
          "use_parallel_residual": True, "vocab_size": 50304}
GPTJ = {"architectures": ["GPTJForCausalLM"], "model_type": "gptj", "activation_function": "gelu_new", "attn_pdrop": 0.0,
        "embd_pdrop": 0.0, "gradient_checkpointing": False, "layer_norm_epsilon": 1e-5, "n_embd": 4096, "n_head": 16, "n_inner": None,
        "n_layer": 28, "n_positions": 2048, "resid_pdrop": 0.0, "rotary": True, "rotary_dim": 64, "scale_attn_weights": True,
        "summary_activation": None, "summary_first_dropout": 0.1, "summary_proj_to_labels": True, "summary_type": "cls_index",
        "summary_use_proj": True, "task_specific_params": {}, "tie_word_embeddings": False, "vocab_size": 50400}
FALCON = {"architectures": ["FalconForCausalLM"], "model_type": "falcon", "alibi": False,
          "apply_residual_connection_post_layernorm": False, "bias": False, "hidden_dropout": 0.0, "hidden_size": 4544,
          "layer_norm_epsilon": 1e-5, "multi_query": True, "new_decoder_architecture": False, "num_attention_heads": 71,
          "num_hidden_layers": 32, "parallel_attn": True, "vocab_size": 65024}
FALCON40 = {**FALCON, "hidden_size": 8192, "new_decoder_architecture": True, "num_attention_heads": 128, "num_hidden_layers": 60,
            "num_kv_heads": 8}
FALCON_RW = {**FALCON, "alibi": True, "bias": True, "hidden_size": 2048, "multi_query": False, "num_attention_heads": 32,
             "num_hidden_layers": 24, "parallel_attn": False, "vocab_size": 50304}
BLOOM = {"architectures": ["BloomForCausalLM"], "model_type": "bloom", "apply_residual_connection_post_layernorm": False,
         "attention_softmax_in_fp32": True, "bias_dropout_fusion": True, "hidden_dropout": 0.0, "layer_norm_epsilon": 1e-5,
         "masked_softmax_fusion": True, "n_embed": 4096, "n_inner": None, "n_layer": 30, "num_attention_heads": 32, "offset_alibi": 100,
         "pretraining_tp": 1, "seq_length": 2048, "skip_bias_add": True, "skip_bias_add_qkv": False, "unk_token_id": 0,
         "vocab_size": 250880}
BLOOM560 = {**BLOOM, "n_embed": 1024, "n_layer": 24, "num_attention_heads": 16}
MPT = {"architectures": ["MPTForCausalLM"], "model_type": "mpt",
       "attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_impl": "torch", "attn_pdrop": 0, "attn_type": "multihead_attention",
                       "attn_uses_sequence_id": False, "clip_qkv": None, "prefix_lm": False, "qk_ln": False, "softmax_scale": None},
       "d_model": 4096, "emb_pdrop": 0, "embedding_fraction": 1.0, "expansion_ratio": 4, "init_config": {"name": "kaiming_normal_"},
       "init_device": "cpu", "learned_pos_emb": True, "logit_scale": None, "max_seq_len": 2048, "n_heads": 32, "n_layers": 32,
       "no_bias": True, "norm_type": "low_precision_layernorm", "resid_pdrop": 0, "verbose": 0, "vocab_size": 50432}
STABLELM = {"architectures": ["StableLmForCausalLM"], "model_type": "stablelm", "hidden_act": "silu", "hidden_size": 2560,
            "intermediate_size": 6912, "layer_norm_eps": 1e-5, "max_position_embeddings": 4096, "num_attention_heads": 32,
            "num_hidden_layers": 32, "num_key_value_heads": 32, "partial_rotary_factor": 0.25, "rope_theta": 10000,
            "tie_word_embeddings": False, "use_qkv_bias": False, "vocab_size": 50304}
STARCODER2 = {"architectures": ["Starcoder2ForCausalLM"], "model_type": "starcoder2", "attention_softmax_in_fp32": True,
              "embedding_dropout": 0.1, "hidden_act": "gelu_pytorch_tanh", "hidden_size": 3072, "intermediate_size": 12288,
              "max_position_embeddings": 16384, "mlp_type": "default", "norm_epsilon": 1e-5, "norm_type": "layer_norm",
              "num_attention_heads": 24, "num_hidden_layers": 30, "num_key_value_heads": 2, "residual_dropout": 0.1,
              "rope_theta": 999999.4420358813, "scale_attention_softmax_in_fp32": True, "scale_attn_weights": True,
              "sliding_window": 4096, "use_bias": True, "vocab_size": 49152}
COMMAND_R = {"architectures": ["CohereForCausalLM"], "model_type": "cohere", "attention_bias": False, "hidden_act": "silu",
             "hidden_size": 8192, "intermediate_size": 22528, "layer_norm_eps": 1e-5, "logit_scale": 0.0625,
             "max_position_embeddings": 8192, "model_max_length": 131072, "num_attention_heads": 64, "num_hidden_layers": 40,
             "num_key_value_heads": 64, "rope_theta": 8000000.0, "use_qk_norm": False, "vocab_size": 256000}
COMMAND_R_PLUS = {**COMMAND_R, "hidden_size": 12288, "intermediate_size": 33792, "logit_scale": 0.8333333333333334,
                  "num_attention_heads": 96, "num_hidden_layers": 64, "num_key_value_heads": 8, "rope_theta": 75000000.0,
                  "use_qk_norm": True}
COMMAND_R7B = {"architectures": ["Cohere2ForCausalLM"], "model_type": "cohere2", "attention_bias": False, "head_dim": 128,
               "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 14336, "layer_norm_eps": 1e-5, "layer_switch": 4,
               "logit_scale": 0.25, "max_position_embeddings": 8192, "num_attention_heads": 32, "num_hidden_layers": 32,
               "num_key_value_heads": 8, "order_of_interleaved_layers": "local_attn_first", "position_embedding_type": "rope_gptj",
               "rope_scaling": None, "rope_theta": 50000, "rotary_pct": 1.0, "sliding_window": 4096, "sliding_window_pattern": 4,
               "use_embedding_sharing": True, "use_gated_activation": True, "use_parallel_block": True,
               "use_parallel_embedding": True, "vocab_size": 256000}
OLMO2 = {"architectures": ["Olmo2ForCausalLM"], "model_type": "olmo2", "attention_bias": False, "hidden_act": "silu",
         "hidden_size": 4096, "intermediate_size": 11008, "max_position_embeddings": 4096, "num_attention_heads": 32,
         "num_hidden_layers": 32, "num_key_value_heads": 32, "rms_norm_eps": 1e-6, "rope_scaling": None, "rope_theta": 500000,
         "tie_word_embeddings": False, "vocab_size": 100352}
OLMOE = {"architectures": ["OlmoeForCausalLM"], "model_type": "olmoe", "attention_bias": False, "clip_qkv": None, "hidden_act": "silu",
         "hidden_size": 2048, "intermediate_size": 1024, "max_position_embeddings": 4096, "norm_topk_prob": False,
         "num_attention_heads": 16, "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 16,
         "num_key_value_heads": 16, "output_router_logits": False, "rms_norm_eps": 1e-5, "rope_scaling": None,
         "rope_theta": 10000.0, "router_aux_loss_coef": 0.01, "tie_word_embeddings": False, "vocab_size": 50304}
GRANITE = {"architectures": ["GraniteForCausalLM"], "model_type": "granite", "attention_bias": False,
           "attention_multiplier": 0.015625, "embedding_multiplier": 12.0, "hidden_act": "silu", "hidden_size": 2048,
           "intermediate_size": 8192, "logits_scaling": 8.0, "max_position_embeddings": 131072, "mlp_bias": False,
           "num_attention_heads": 32, "num_hidden_layers": 40, "num_key_value_heads": 8, "residual_multiplier": 0.22,
           "rms_norm_eps": 1e-5, "rope_scaling": None, "rope_theta": 5000000.0, "tie_word_embeddings": True, "vocab_size": 49155}
SMOLLM3 = {"architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3", "attention_bias": False, "hidden_act": "silu",
           "hidden_size": 2048, "intermediate_size": 11008, "layer_types": ["full_attention"] * 36, "max_position_embeddings": 65536,
           "max_window_layers": 28, "mlp_bias": False, "no_rope_layer_interval": 4, "no_rope_layers": [1, 1, 1, 0] * 9,
           "num_attention_heads": 16, "num_hidden_layers": 36, "num_key_value_heads": 4, "pretraining_tp": 2, "rms_norm_eps": 1e-6,
           "rope_scaling": None, "rope_theta": 5000000.0, "sliding_window": None, "use_sliding_window": False,
           "tie_word_embeddings": True, "vocab_size": 128256}
QWEN2_MOE = {**QWEN2, "architectures": ["Qwen2MoeForCausalLM"], "model_type": "qwen2_moe", "decoder_sparse_step": 1,
             "hidden_size": 2048, "intermediate_size": 5632, "max_window_layers": 21, "moe_intermediate_size": 1408,
             "norm_topk_prob": False, "num_attention_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
             "num_hidden_layers": 24, "num_key_value_heads": 16, "output_router_logits": False, "router_aux_loss_coef": 0.001,
             "shared_expert_intermediate_size": 5632, "sliding_window": 32768, "vocab_size": 151936}
GPT_OSS = {"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "attention_bias": True, "experts_per_token": 4,
           "head_dim": 64, "hidden_act": "silu", "hidden_size": 2880, "initial_context_length": 4096, "intermediate_size": 2880,
           "layer_types": ["sliding_attention", "full_attention"] * 12, "max_position_embeddings": 131072,
           "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24, "num_key_value_heads": 8,
           "num_local_experts": 32, "output_router_logits": False, "rms_norm_eps": 1e-5,
           "rope_scaling": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 32.0, "original_max_position_embeddings": 4096,
                            "rope_type": "yarn", "truncate": False},
           "rope_theta": 150000, "router_aux_loss_coef": 0.9, "sliding_window": 128, "swiglu_limit": 7.0,
           "tie_word_embeddings": False, "vocab_size": 201088}
GPT_OSS120 = {**GPT_OSS, "layer_types": ["sliding_attention", "full_attention"] * 18, "num_hidden_layers": 36, "num_local_experts": 128}
LLAMA4 = {"architectures": ["Llama4ForCausalLM"], "model_type": "llama4_text", "attention_bias": False, "attention_chunk_size": 8192,
          "attn_scale": 0.1, "attn_temperature_tuning": 4, "floor_scale": 8192, "for_llm_compressor": False, "head_dim": 128,
          "hidden_act": "silu", "hidden_size": 5120, "interleave_moe_layer_step": 1, "intermediate_size": 8192,
          "intermediate_size_mlp": 16384, "max_position_embeddings": 10485760, "moe_layers": list(range(48)),
          "no_rope_layers": [1, 1, 1, 0] * 12, "num_attention_heads": 40, "num_experts_per_tok": 1, "num_hidden_layers": 48,
          "num_key_value_heads": 8, "num_local_experts": 16, "output_router_logits": False, "rms_norm_eps": 1e-5,
          "rope_scaling": {"factor": 16.0, "rope_type": "llama3"}, "rope_theta": 500000.0, "router_aux_loss_coef": 0.001,
          "router_jitter_noise": 0.0, "use_qk_norm": True, "vocab_size": 202048}
MODERNBERT = {"architectures": ["ModernBertForMaskedLM"], "model_type": "modernbert", "attention_bias": False,
              "attention_dropout": 0.0, "classifier_activation": "gelu", "classifier_bias": False, "classifier_dropout": 0.0,
              "classifier_pooling": "mean", "decoder_bias": True, "deterministic_flash_attn": False, "embedding_dropout": 0.0,
              "global_attn_every_n_layers": 3, "global_rope_theta": 160000.0, "gradient_checkpointing": False,
              "hidden_activation": "gelu", "hidden_size": 768, "initializer_cutoff_factor": 2.0, "intermediate_size": 1152,
              "layer_norm_eps": 1e-5, "local_attention": 128, "local_rope_theta": 10000.0, "max_position_embeddings": 8192,
              "mlp_bias": False, "mlp_dropout": 0.0, "norm_bias": False, "norm_eps": 1e-5, "num_attention_heads": 12,
              "num_hidden_layers": 22, "position_embedding_type": "absolute", "reference_compile": True,
              "repad_logits_with_grad": False, "sparse_pred_ignore_index": -100, "sparse_prediction": False, "vocab_size": 50368}
MAMBA2 = {"architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "chunk_size": 256, "conv_kernel": 4, "expand": 2,
          "head_dim": 64, "hidden_act": "silu", "hidden_size": 2560, "layer_norm_epsilon": 1e-5, "n_groups": 1,
          "norm_before_gate": False, "num_heads": 80, "num_hidden_layers": 64, "rescale_prenorm_residual": False,
          "residual_in_fp32": True, "rms_norm": True, "state_size": 128, "tie_word_embeddings": True, "time_step_floor": 1e-4,
          "time_step_limit": [0.0, 1e400], "time_step_max": 0.1, "time_step_min": 0.001, "time_step_rank": 160, "use_bias": False,
          "use_conv_bias": True, "vocab_size": 50288}
CODESTRAL_MAMBA = {**MAMBA2, "hidden_size": 4096, "n_groups": 8, "num_heads": 128, "tie_word_embeddings": False, "vocab_size": 32768}
MODELS = [(LLAMA31, 8030261248, []), (SMOL, 361821120, []), (PHI3, 3821079552, []), (GEMMA2, 9241705984, DECODE),
          (QWEN2, 7615616512, []), ({**QWEN2, "use_sliding_window": True, "max_window_layers": 14}, 7615616512, DECODE),
          (DEEPSEEK, 671026419200, DECODE), (LLAMA32, 1235814400, []), (QWEN25, 494032768, []), (QWEN3, 8190735360, []),
          (GEMMA, 8537680896, []), (NEMO, 12247782400, []), (DEEPSEEK2, 15706484224, DECODE), (GPT2, 354823168, []),
          (T5, 222903552, []), (FLAN, 247577856, []), (BERT, 177853440, []),
          (PHI4_MINI, 3836021760, DECODE), (PHI2, 2779683840, DECODE), (PYTHIA, 1414647808, []), (GPTJ, 6050882784, []),
          (FALCON, 6921720704, DECODE), (STABLELM, 2795443200, []), (STARCODER2, 3030371328, []), (COMMAND_R, 34980831232, []),
          (COMMAND_R7B, 8028033024, DECODE), (OLMO2, 7298617344, DECODE), (OLMOE, 6919161856, []), (GRANITE, 2533531648, DECODE),
          (SMOLLM3, 3075098624, []), (QWEN2_MOE, 14315784192, []), (GPT_OSS, 20914757184, DECODE), (GPT_OSS120, 116829156672, []),
          (LLAMA4, 107769861120, DECODE), (MODERNBERT, 149655232, []), (MAMBA2, 2702599680, DECODE),
          (CODESTRAL_MAMBA, 7285403648, []), (FALCON_RW, 1311625216, DECODE), (BLOOM, 7069016064, DECODE), (BLOOM560, 559214592, []),
          (MPT, 6649286656, DECODE), (COMMAND_R_PLUS, 103810674688, DECODE)]


def write(path, fields):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**COMMON, **fields}, file, indent=2)
    return path


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def count_weights(text):
    """Elements of the weights of a cascade."""
    extents = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", re.search(r"\(([^)]*)\)", text).group(1))}
    ranks = {name: eval(re.sub(r"(\w+) ceildiv (\w+)", r"-(-\1 // \2)", value), {}, extents)
             for name, value in re.findall(r"^  rank (\w+) = (.+)$", text, re.M)}
    extent = lambda rank: ranks[rank] if rank in ranks else extents[rank.upper()]
    weights = [ranks for line in re.findall(r"^  weight (.*)$", text, re.M) for ranks in re.findall(r"\w+\[([\w,]*)\]", line)]
    return sum(math.prod(map(extent, ranks.split(","))) for ranks in weights)


for number, (fields, parameters, phases) in enumerate(MODELS):
    path = write(f"{sys.argv[1]}.{number}.json", fields)
    options = ["--ignore-fields=quantization_config"] if fields.get("quantization_config") else []
    options.append(f"--seq={ {'bert': 512, 'gpt2': 1024}.get(fields['model_type'], 4096)}")
    got = count_weights(run("einsum-translate", "--hf-config-to-cascade", path, *options))
    assert got == parameters, (fields["model_type"], number, got, parameters)
    for phase in phases:
        text = run("einsum-compile", path, "--analyze-only", f"--phase={phase}", *options)
        assert f" {parameters} parameters" in text, (fields["model_type"], phase, text)

QWEN3_MOE = {**QWEN3, "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_experts": 16, "num_key_value_heads": 4,
             "num_experts_per_tok": 4, "moe_intermediate_size": 768, "norm_topk_prob": True}
OTHER_NAME = {k: v for k, v in {**QWEN3_MOE, "num_local_experts": 16}.items() if k != "num_experts"}
written = [run("einsum-translate", "--hf-config-to-cascade", write(f"{sys.argv[1]}.moe.json", fields)) for fields in (QWEN3_MOE, OTHER_NAME)]
assert written[0] == written[1]

# A file need not say what its architecture assumes, and null says none where that is something.
MISTRAL = {**NEMO, "num_hidden_layers": 4, "sliding_window": 4096}
DEEPSEEK3 = {**DEEPSEEK, "quantization_config": None}
ASSUMED = [(MISTRAL, {"sliding_window": 4096, "num_key_value_heads": 8}, {"sliding_window", "num_key_value_heads"}),
           ({**GEMMA2, "num_attention_heads": 8, "num_key_value_heads": 4},
            {"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "head_dim": 256, "num_key_value_heads": 4,
             "query_pre_attn_scalar": 256, "sliding_window": 4096}, {"attn_logit_softcapping", "final_logit_softcapping"}),
           (GEMMA, {"head_dim": 256, "num_key_value_heads": 16}, {"head_dim"}),
           ({**QWEN3, "num_key_value_heads": 32}, {"head_dim": 128, "num_key_value_heads": 32}, set()),
           (DEEPSEEK3, {"q_lora_rank": 1536, "n_shared_experts": 1, "n_group": 8, "topk_group": 4,
                        "routed_scaling_factor": 2.5, "norm_topk_prob": True, "first_k_dense_replace": 3,
                        "topk_method": "noaux_tc", "scoring_func": "sigmoid"}, {"q_lora_rank", "n_shared_experts"}),
           (DEEPSEEK2, {"n_shared_experts": 2, "topk_method": "greedy", "scoring_func": "softmax", "norm_topk_prob": False,
                        "routed_scaling_factor": 1.0}, {"n_shared_experts"})]
for fields, assumed, noneable in ASSUMED:
    def translate(changed):
        path = write(f"{sys.argv[1]}.assumed.json", changed)
        return run("einsum-translate", "--hf-config-to-cascade", path, "--seq=8192")

    said = translate({**fields, **assumed})
    for key in assumed:
        assert translate({k: v for k, v in fields.items() if k != key}) == said, (fields["model_type"], key)
    for key in noneable:
        assert translate({**fields, key: None}) != said, (fields["model_type"], key)
