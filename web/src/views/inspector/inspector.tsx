import {formatCount} from '../../base/units';
import type {Info} from '../../protocol/protocol.gen';
import {useController, useLoaded, useStore} from '../app-context';
import {ProblemText} from '../problem';
import {GuestFacts} from './guest-cluster';
import {HostFacts} from './host-cluster';

/** All that is known about the selected cluster. */
export function Inspector({info}: {info: Info}) {
  const controller = useController();
  const {selected} = useStore(controller.view);
  return (
    <section class="card inspector" aria-label="Inspector">
      {selected === null ? (
        <>
          <h3>Inspector</h3>
          <p class="muted">
            Click a square on a map, or move there with the arrow keys and press Enter. What belongs to it is outlined on the other map.
          </p>
        </>
      ) : selected.space === 'host' ? (
        <HostCluster cluster={selected.cluster} info={info} />
      ) : (
        <GuestCluster cluster={selected.cluster} layer={selected.layer} info={info} />
      )}
    </section>
  );
}

function HostCluster({cluster, info}: {cluster: number; info: Info}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const loaded = useLoaded(`${epoch} ${cluster}`, () => controller.engine.call('cluster', {cluster}));
  return (
    <>
      <h3>Cluster {formatCount(cluster)}</h3>
      {loaded.step === 'loading' && <p class="muted">Looking it up.</p>}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && <HostFacts key={cluster} view={loaded.value} info={info} />}
    </>
  );
}

function GuestCluster({cluster, layer, info}: {cluster: number; layer: number; info: Info}) {
  const controller = useController();
  const {epoch} = useStore(controller.view);
  const loaded = useLoaded(`${epoch} ${layer} ${cluster}`, () => controller.engine.call('guestCluster', {cluster, layer}));
  return (
    <>
      <h3>Cluster {formatCount(cluster)} of the disk</h3>
      {loaded.step === 'loading' && <p class="muted">Looking it up.</p>}
      {loaded.step === 'failed' && <ProblemText problem={loaded.problem} />}
      {loaded.step === 'loaded' && <GuestFacts key={cluster} view={loaded.value} info={info} />}
    </>
  );
}
