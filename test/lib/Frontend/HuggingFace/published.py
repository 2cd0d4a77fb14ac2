"""Configs as they are published, with every field that says nothing, and the parameters that their authors count."""
import json
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
MODELS = [(LLAMA31, 8030261248, []), (SMOL, 361821120, []), (PHI3, 3821079552, []), (GEMMA2, 9241705984, []),
          (QWEN2, 7615616512, []), ({**QWEN2, "use_sliding_window": True, "max_window_layers": 14}, 7615616512, []),
          (DEEPSEEK, 671026419200, ["--ignore-fields=quantization_config"])]

for number, (fields, parameters, options) in enumerate(MODELS):
    path = f"{sys.argv[1]}.{number}.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**COMMON, **fields}, file, indent=2)
    for phase in ["prefill", "decode"]:
        command = ["einsum-compile", path, "--analyze-only", f"--phase={phase}", "--seq=4096", *options]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert f" {parameters} parameters" in text, (fields["model_type"], phase, text)
