import type { JSX } from "preact";

/** Device as a page offers it; `auto` for a GPU if there is one. */
export type ChosenDevice = "auto" | "wasm" | "webgpu";

/** Line of text with its label. */
export function TextField(
  { label, value, disabled, onText, more }: {
    label: string;
    value: string;
    disabled: boolean;
    onText: (text: string) => void;
    /** Further attributes of the field. */
    more?: JSX.IntrinsicElements["input"];
  },
): JSX.Element {
  return (
    <label>
      {label}
      <input
        type="text"
        value={value}
        disabled={disabled}
        onInput={(event) => onText(event.currentTarget.value)}
        {...more}
      />
    </label>
  );
}

/** Choice of the device. */
export function DeviceField(
  { value, disabled, onChoice }: {
    value: ChosenDevice;
    disabled: boolean;
    onChoice: (device: ChosenDevice) => void;
  },
): JSX.Element {
  return (
    <label>
      Device
      <select
        value={value}
        disabled={disabled}
        onChange={(event) => onChoice(event.currentTarget.value as ChosenDevice)}
      >
        <option value="auto">GPU if there is one</option>
        <option value="wasm">CPU (WebAssembly)</option>
        <option value="webgpu">GPU (WebGPU)</option>
      </select>
    </label>
  );
}
