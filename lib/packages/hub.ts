/** The Hugging Face Hub's client. Loaded when something is on the Hub. */
export * from "npm:@huggingface/hub@2.17.5";
