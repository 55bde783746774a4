/** Advice where there is no adapter, for the end of a message. */
export const NO_ADAPTER_ADVICE: string =
  "install libvulkan1 and the GPU's Vulkan driver (Debian, Ubuntu: mesa-vulkan-drivers for AMD and " +
  "Intel, and for tests without a GPU; NVIDIA's own driver has it, on headless servers in " +
  "libnvidia-gl-<version>; containers need the GPU passed in, with " +
  "NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility), or use `device` wasm";
