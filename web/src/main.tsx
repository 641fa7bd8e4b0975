import {render} from 'preact';
import {Engine} from './engine/client';
import {spawnWorker} from './engine/spawn';
import {keepPage} from './state/keep';
import {Controller} from './state/controller';
import {Desk} from './state/desk';
import {Fleet} from './state/fleet';
import {Updates} from './state/updates';
import './styles/base.css';
import './styles/frame.css';
import './styles/verdict.css';
import './styles/bars.css';
import './styles/desk.css';
import './styles/fleet.css';
import './styles/empty.css';
import './styles/busy.css';
import './styles/summary.css';
import './styles/findings.css';
import './styles/choose.css';
import './styles/repair.css';
import './styles/map.css';
import './styles/map-parts.css';
import './styles/hex.css';
import './styles/hex-grid.css';
import './styles/save.css';
import './styles/commands.css';
import './styles/layers.css';
import './styles/layers-files.css';
import './styles/lab.css';
import './styles/redirect.css';
import './styles/crash.css';
import './styles/crash-points.css';
import './styles/write.css';
import './styles/write-picture.css';
import './styles/write-range.css';
import './styles/write-outcome.css';
import './styles/write-parts.css';
import './styles/write-narrow.css';
import './styles/lab-player.css';
import './styles/lab-stage.css';
import './styles/lab-steps.css';
import {App} from './views/app';

const engineAt = (name: string) => new URL(`engine/${name}.wasm`, document.baseURI).href;
const wasm = {first: engineAt('first'), whole: engineAt('engine')};
const desk = new Desk(() => new Controller(new Engine(spawnWorker, wasm)));
const updates = new Updates();
// The server says in the page itself where its service is, so that no other server is asked for it.
const api = document.querySelector('meta[name=qcowscope-api]')?.getAttribute('content') ?? '';
const fleet = new Fleet(api === '' ? null : new URL(api, document.baseURI));
const page = document.getElementById('page');
if (page !== null) {
  render(<App desk={desk} fleet={fleet} updates={updates} />, page);
  desk.current.engine.warmUp();
  void fleet.look();
  // The page's own files are kept for the time without a network; not before they have been shown.
  addEventListener('load', () => updates.start(keepPage));
}
