/** Tokenizers from tokenizer.json. */
export { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";

/** Version of the package: what it makes of a text may change with it. */
export const TOKENIZERS_VERSION = "0.2.0";
