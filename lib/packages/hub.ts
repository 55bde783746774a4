/** Client of the Hugging Face Hub. Loaded on first use. */
export * from "npm:@huggingface/hub@2.17.5";
