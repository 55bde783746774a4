import { type ConfigKeys, GENERATION_KEYS } from "../formats/config_keys.ts";

/** Keys of a classifier's config.json that every encoder reads, or may have. */
const SHARED: Required<Pick<ConfigKeys, "read" | "harmless">> = {
  read: [
    ...["model_type", "vocab_size", "max_position_embeddings", "pad_token_id", "problem_type"],
    ...["id2label", "num_labels", "_num_labels"],
  ],
  harmless: [
    // Language models' heads, and generation.
    ...["tie_word_embeddings", "is_encoder_decoder", "eos_token_id", "decoder_start_token_id"],
    ...GENERATION_KEYS.harmless ?? [],
    ...Object.keys(GENERATION_KEYS.neutral ?? {}),
    // Notes of those who made a model, and settings of sentence-transformers' own class.
    ...["language", "name", "model_max_length", "max_seq_length"],
    ...["sentence_transformers", "sbert_ce_default_activation_function"],
  ],
};

/** Keys of BertConfig and RobertaConfig in transformers 4.27 to 5, beside those of every model. */
export const BERT_KEYS: ConfigKeys = {
  read: [
    ...SHARED.read,
    ...["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"],
    ...["hidden_act", "type_vocab_size", "layer_norm_eps", "position_embedding_type"],
  ],
  harmless: [
    ...SHARED.harmless,
    // Dropout, of training alone.
    ...["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"],
    // Google's first pooler, which transformers has never had.
    ...["directionality", "pooler_fc_size", "pooler_type", "pooler_num_attention_heads"],
    ...["pooler_num_fc_layers", "pooler_size_per_head"],
  ],
};

/** Keys of DistilBertConfig in transformers 4.27 to 5, beside those of every model. */
export const DISTILBERT_KEYS: ConfigKeys = {
  read: [...SHARED.read, "dim", "n_layers", "n_heads", "hidden_dim", "activation"],
  harmless: [
    ...SHARED.harmless,
    // Dropout, of training alone.
    ...["dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"],
    // The positions' values are in the checkpoint, sinusoidal or not.
    ...["sinusoidal_pos_embds", "tie_weights_"],
  ],
};
