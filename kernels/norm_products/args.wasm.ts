// Generated from signatures.ts by deno task build:kernels: change that.
