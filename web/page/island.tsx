import { type ComponentType, h, type JSX } from "preact";
import { type IslandName, type IslandProps, ISLANDS } from "../islands/registry.ts";

/**
 * A component that is rendered on the server and becomes interactive in the browser: `client.tsx`
 * finds it by its name and hydrates it with the same properties, which must survive JSON.
 */
export function Island<N extends IslandName>(
  { name, props }: { name: N; props: IslandProps<N> },
): JSX.Element {
  // The name links the component and its properties, which types cannot express.
  const component = ISLANDS[name] as unknown as ComponentType<object>;
  return (
    <div data-island={name} data-props={JSON.stringify(props)}>
      {h(component, props)}
    </div>
  );
}
