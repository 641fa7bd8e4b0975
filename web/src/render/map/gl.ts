import {rgbOf} from '../../model/map/colours';
import {nameOf} from '../../model/map/plane';
import type {Plane} from '../../model/map/plane';
import {byteSize, DIMMED, LIGHTEST, placesIn} from './frame';
import type {Frame, Tile} from './frame';
import type {CellPainter} from './painter';
import {FRAGMENT, VERTEX} from './shader';

const UNIFORMS = ['cells', 'table', 'base', 'offset', 'cellSize', 'ratio', 'height', 'size', 'curve', 'count', 'bits', 'turn', 'mode', 'place', 'page'] as const;

type Uniforms = Record<(typeof UNIFORMS)[number], WebGLUniformLocation | null>;

/** The cells by WebGL2: each tile is a texture that is sent once. */
export class GlPainter implements CellPainter {
  private readonly gl: WebGL2RenderingContext;
  private readonly program: WebGLProgram;
  private readonly uniforms: Uniforms;
  private readonly table: WebGLTexture;
  private readonly textures = new Map<Uint8Array, WebGLTexture>();

  /** Throws where there is no WebGL2. */
  constructor(private readonly canvas: HTMLCanvasElement) {
    const gl = canvas.getContext('webgl2', {alpha: false, antialias: false, depth: false});
    if (gl === null) {
      throw new Error('there is no WebGL2');
    }
    this.gl = gl;
    this.program = programOf(gl);
    this.uniforms = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(this.program, name)])) as Uniforms;
    this.table = gl.createTexture();
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  }

  paint(frame: Frame): void {
    const {gl, uniforms, canvas} = this;
    const page = rgbOf(frame.page).map((value) => value / 255) as [number, number, number];
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...page, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.useProgram(this.program);
    gl.uniform1i(uniforms.cells, 0);
    gl.uniform1i(uniforms.table, 1);
    gl.uniform1f(uniforms.ratio, frame.ratio);
    gl.uniform1f(uniforms.height, canvas.height);
    gl.uniform1i(uniforms.curve, frame.plane.order === 'hilbert' ? 1 : 0);
    gl.uniform1i(uniforms.mode, frame.mode);
    gl.uniform3f(uniforms.page, ...page);
    gl.activeTexture(gl.TEXTURE1);
    upload(gl, this.table, gl.RGBA8UI, gl.RGBA_INTEGER, 256, 1, frame.table);
    gl.activeTexture(gl.TEXTURE0);
    for (const tile of frame.tiles) {
      this.paintTile(frame, tile);
    }
  }

  private paintTile(frame: Frame, tile: Tile): void {
    const {gl, uniforms, canvas} = this;
    const {camera, plane, ratio} = frame;
    const {level, x, y, side, bits, turn} = tile.place;
    const cluster = 2 ** level;
    const cell = camera.scale * cluster * ratio;
    const [left, top] = [camera.x / cluster, camera.y / cluster];
    const [cellLeft, cellTop] = [Math.floor(left), Math.floor(top)];
    // In device pixels; the scissor keeps neighbours from painting over each other.
    const from = {x: Math.max(0, Math.floor((x * side - left) * cell)), y: Math.max(0, Math.floor((y * side - top) * cell))};
    const to = {
      x: Math.min(canvas.width, Math.ceil(((x + 1) * side - left) * cell)),
      y: Math.min(canvas.height, Math.ceil(((y + 1) * side - top) * cell)),
    };
    if (to.x <= from.x || to.y <= from.y) {
      return;
    }
    gl.scissor(from.x, canvas.height - to.y, to.x - from.x, to.y - from.y);
    gl.bindTexture(gl.TEXTURE_2D, this.textureOf(plane, tile));
    gl.uniform2i(uniforms.base, cellLeft - x * side, cellTop - y * side);
    gl.uniform2f(uniforms.offset, left - cellLeft, top - cellTop);
    gl.uniform1f(uniforms.cellSize, cell);
    const {width, height} = plane.order === 'hilbert' ? {width: side, height: side} : byteSize(plane, tile);
    gl.uniform2i(uniforms.size, width, height);
    gl.uniform1i(uniforms.count, tile.cells.length / 2);
    gl.uniform1i(uniforms.bits, bits);
    gl.uniform2i(uniforms.turn, turn.flip ? 1 : 0, turn.swap ? 1 : 0);
    const curve = plane.order === 'hilbert' ? nameOf(plane, {level: level + bits, x, y}).x : 0;
    const {first, right, down} = placesIn(frame, tile.place, curve);
    gl.uniform3f(uniforms.place, first, right, down);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private textureOf(plane: Plane, tile: Tile): WebGLTexture {
    const known = this.textures.get(tile.cells);
    if (known !== undefined) {
      return known;
    }
    const {gl} = this;
    const texture = gl.createTexture();
    const {width, height} = byteSize(plane, tile);
    upload(gl, texture, gl.RG8UI, gl.RG_INTEGER, width, height, tile.cells);
    this.textures.set(tile.cells, texture);
    return texture;
  }

  forget(cells: Uint8Array): void {
    const texture = this.textures.get(cells);
    if (texture !== undefined) {
      this.gl.deleteTexture(texture);
      this.textures.delete(cells);
    }
  }

  end(): void {
    for (const texture of this.textures.values()) {
      this.gl.deleteTexture(texture);
    }
    this.textures.clear();
    this.gl.deleteTexture(this.table);
    this.gl.deleteProgram(this.program);
    // Browsers allow few contexts at a time, and give them back only when they collect garbage.
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }
}

function programOf(gl: WebGL2RenderingContext): WebGLProgram {
  const program = gl.createProgram();
  const constants = `const float DIMMED = ${DIMMED}, LIGHTEST = ${LIGHTEST};`;
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT.replace('out vec4', `${constants}\nout vec4`)],
  ] as const) {
    const shader = gl.createShader(type);
    if (shader === null) {
      throw new Error('the graphics context was lost');
    }
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
    gl.deleteShader(shader);
  }
  gl.linkProgram(program);
  if (gl.getProgramParameter(program, gl.LINK_STATUS) !== true) {
    throw new Error(gl.getProgramInfoLog(program) ?? 'the shader does not link');
  }
  return program;
}

/** Integer textures know no blending between texels. */
function upload(
  gl: WebGL2RenderingContext,
  texture: WebGLTexture,
  internal: number,
  format: number,
  width: number,
  height: number,
  bytes: Uint8Array,
): void {
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  gl.texImage2D(gl.TEXTURE_2D, 0, internal, width, height, 0, format, gl.UNSIGNED_BYTE, bytes);
}
