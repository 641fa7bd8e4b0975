import {render} from 'preact';
import {Engine} from './engine/client';
import {spawnWorker} from './engine/spawn';
import {Controller} from './state/controller';
import './styles/base.css';
import './styles/frame.css';
import './styles/verdict.css';
import './styles/bars.css';
import './styles/empty.css';
import './styles/busy.css';
import './styles/summary.css';
import './styles/findings.css';
import './styles/repair.css';
import './styles/map.css';
import './styles/hex.css';
import './styles/save.css';
import './styles/lab.css';
import './styles/lab-player.css';
import './styles/lab-stage.css';
import './styles/lab-steps.css';
import {App} from './views/app';

const engine = new Engine(spawnWorker, new URL('engine/engine.wasm', document.baseURI).href);
const page = document.getElementById('page');
if (page !== null) {
  render(<App controller={new Controller(engine)} />, page);
  engine.warmUp();
}
