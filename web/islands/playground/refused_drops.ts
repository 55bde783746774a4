import { useEffect } from "preact/hooks";

/** Refuses files that are dropped beside a field: they would replace the page, and end what it does. */
export function useRefusedDrops(): void {
  useEffect(() => {
    const refuse = (event: DragEvent) => {
      if (event.defaultPrevented) return;
      event.preventDefault();
      event.dataTransfer!.dropEffect = "none";
    };
    addEventListener("dragover", refuse);
    addEventListener("drop", refuse);
  }, []);
}
