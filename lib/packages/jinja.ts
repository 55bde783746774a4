/** Parser and interpreter of Jinja, the language of chat templates. */
export { Environment, Interpreter, parse, tokenize } from "npm:@huggingface/jinja@0.5.11";
