/** A surface in the scene: opaque, transparent in one layer, or as a net; with an outline where it is selected. */

import {
  BackSide,
  BufferAttribute,
  BufferGeometry,
  Color,
  DoubleSide,
  Group,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  MeshPhongMaterial,
  ShaderMaterial,
  Vector2,
} from "three";

const OUTLINE_PX = 3;
const AFTER_OPAQUE = 1;

/**
 * How a surface looks.
 * @typedef {{color: string, opacity: number, style: "surface"|"mesh", isVisible: boolean, outline?: string|null}} Look
 */

/** Draws one surface; a new one replaces it, and the look can change without a new one. */
export class SurfaceView {
  #scene;
  #group = new Group();
  #geometry = null;
  #style = "surface";
  #look = { color: "#888888", opacity: 1, style: "surface", isVisible: true, outline: null };

  /** @param {import("./scene.js").Scene} scene */
  constructor(scene) {
    this.#scene = scene;
    scene.add(this.#group);
  }

  /** Positions of the vertices in Å from the box centre: x, y, z of every `every`-th. */
  *points(every) {
    const { position, scale } = this.#group;
    const values = this.#geometry?.attributes.position.array ?? [];
    for (let i = 0; i < values.length; i += 3 * every) {
      yield [values[i] * scale.x + position.x, values[i + 1] * scale.x + position.y, values[i + 2] * scale.x + position.z];
    }
  }

  /** Whether it is shown. */
  get isVisible() {
    return this.#group.visible;
  }

  /** How far from the middle of the scene the farthest vertex lies, in Å. */
  get reach_A() {
    let reach = 0;
    for (const point of this.points(1)) reach = Math.max(reach, Math.hypot(...point));
    return reach;
  }

  /** How many triangles (or lines of a net) are drawn. */
  get nFaces() {
    return this.#geometry ? this.#geometry.index.count / (this.#style === "mesh" ? 2 : 3) : 0;
  }

  /**
   * Draw another surface.
   * @param {import("./contour.js").Surface} surface
   * @param {{position: number[], scale: number}} place in the scene
   * @param {"surface"|"mesh"} style what its indices are
   */
  show(surface, { position, scale }, style) {
    this.#geometry?.dispose();
    this.#geometry = new BufferGeometry();
    this.#geometry.setAttribute("position", new BufferAttribute(surface.positions, 3));
    this.#geometry.setAttribute("normal", new BufferAttribute(surface.normals, 4, true));
    this.#geometry.setIndex(new BufferAttribute(surface.indices, 1));
    this.#style = style;
    this.#group.position.fromArray(position);
    this.#group.scale.setScalar(scale);
    this.#build();
  }

  /** Change the look. @param {Partial<Look>} look */
  setLook(look) {
    const before = this.#look;
    this.#look = { ...before, ...look };
    const isOther = ["opacity", "outline", "color"].some((name) => before[name] !== this.#look[name]);
    if (isOther) this.#build();
    this.#group.visible = this.#look.isVisible;
    this.#scene.invalidate();
  }

  /** Take it out of the scene. */
  close() {
    this.#scene.remove(this.#group);
    this.#empty();
    this.#geometry?.dispose();
  }

  #empty() {
    for (const object of this.#group.children) object.material.dispose();
    this.#group.clear();
  }

  #build() {
    this.#empty();
    if (!this.#geometry) return;
    const { color, opacity, outline } = this.#look;
    if (this.#style === "mesh") this.#group.add(this.#net(color, opacity));
    else if (opacity < 1) this.#group.add(...this.#layer(color, opacity));
    else this.#group.add(new Mesh(this.#geometry, new MeshPhongMaterial({ color, side: DoubleSide, specular: 0x222222, shininess: 30 })));
    if (outline && this.#style === "surface") this.#group.add(this.#outline(outline));
    this.#scene.invalidate();
  }

  /** Lines with light on them: what lies behind is told from what lies in front. */
  #net(color, opacity) {
    return new LineSegments(this.#geometry, new MeshPhongMaterial({ color, opacity, transparent: opacity < 1 }));
  }

  /**
   * A transparent surface shows its nearest layer only: depths are drawn first, then colours where nothing is nearer. What encloses more is drawn
   * later, else its depths would take away what lies inside it.
   */
  #layer(color, opacity) {
    this.#geometry.computeBoundingSphere();
    const order = AFTER_OPAQUE + this.#geometry.boundingSphere.radius * this.#group.scale.x;
    const depths = new Mesh(this.#geometry, new MeshBasicMaterial({ colorWrite: false, transparent: true, side: DoubleSide }));
    const material = new MeshPhongMaterial({ color, opacity, transparent: true, side: DoubleSide, specular: 0x222222, depthWrite: false });
    const colors = new Mesh(this.#geometry, material);
    depths.renderOrder = order;
    colors.renderOrder = order + 1e-3;
    return [depths, colors];
  }

  /** The far side of the surface, drawn a little larger: what of it is seen is a line round the near side. */
  #outline(color) {
    const { clientWidth, clientHeight } = this.#scene.canvas;
    const material = new ShaderMaterial({
      side: BackSide,
      uniforms: { color: { value: new Color(color) }, width: { value: new Vector2(2 * OUTLINE_PX / clientWidth, 2 * OUTLINE_PX / clientHeight) } },
      vertexShader: `
        uniform vec2 width;
        void main() {
          gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
          vec2 outwards = (projectionMatrix * modelViewMatrix * vec4(normal, 0.0)).xy;
          gl_Position.xy += normalize(outwards + 1e-6) * width * gl_Position.w;
        }`,
      fragmentShader: `
        uniform vec3 color;
        void main() {
          gl_FragColor = vec4(color, 1.0);
          #include <colorspace_fragment>
        }`,
    });
    return new Mesh(this.#geometry, material);
  }
}
