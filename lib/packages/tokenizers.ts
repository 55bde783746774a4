/** Tokenizers from tokenizer.json. */
export { Tokenizer } from "npm:@huggingface/tokenizers@0.2.0";
