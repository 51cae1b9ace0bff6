"""Make the reference numbers of this folder with RELION 3.1.3, finufft and healpy: see PROVENANCE.md.

    python tests/reference/make_reference.py [OUT]

Needs relion_project, relion_reconstruct and relion_refine on the path, and numpy, mrcfile, finufft and healpy; none of the package's own code.
Particles are a few Gaussian blobs ("atoms"), whose map, projections and Fourier transform are known in closed form.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import healpy
import mrcfile
import numpy as np

SEED = 10073
ATOM_SIGMA_A = 5.0
PIXEL_SIZE_A = 4.0
ANGLES_DEG = np.array([[0, 0, 0], [30, 0, 0], [0, 50, 0], [0, 0, 70], [40, 65, -110], [-100, 130, 20]], float)  # rot, tilt, psi
ORIGINS_A = np.array([[0, 0], [4, 0], [0, -8], [3, 5], [-6.5, 2.5], [7.3, -9.1]], float)  # rlnOriginXAngst, rlnOriginYAngst
OPTICS = {"rlnVoltage": 300.0, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.1}
# each aberration is of 1 to 3 rad at the edge of the disc, so that a wrong sign or order cannot hide; where a beam tilt is given too,
# RELION 3.1 replaces odd coefficients 3 and 4 by it, hence the second set
BEAM_TILT_MRAD = (12.0, -7.0)
ODD_ZERNIKE = (12.0, -9.0, 900.0, -8.0, 5.0, -700.0)
ODD_ZERNIKE_WITH_TILT = (12.0, -9.0, 900.0, 0.0, 0.0, -700.0)
EVEN_ZERNIKE = (0.2, 60.0, -4.0, 45.0, 6000.0, 60.0, 1.5, -70.0, -8000.0)


def euler_to_matrix(angles_deg: np.ndarray) -> np.ndarray:
    """Rot, tilt, psi (n, 3) -> A = Rz(psi) Ry(tilt) Rz(rot) with the passive matrices of the 3DEM convention (n, 3, 3)."""

    def about_z(a):
        c, s, o = np.cos(a), np.sin(a), np.zeros_like(a)
        return np.stack([c, s, o, -s, c, o, o, o, o + 1], -1).reshape(-1, 3, 3)

    def about_y(a):
        c, s, o = np.cos(a), np.sin(a), np.zeros_like(a)
        return np.stack([c, o, -s, o, o + 1, o, s, o, c], -1).reshape(-1, 3, 3)

    rot, tilt, psi = np.deg2rad(angles_deg).T
    return about_z(psi) @ about_y(tilt) @ about_z(rot)


def make_atoms(n: int, radius_A: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw an asymmetric set of atoms: centres (n, 3) in Å from the box centre (x, y, z) and weights (n,)."""
    direction = rng.standard_normal((n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return direction * radius_A * rng.uniform(0.1, 1, (n, 1)) ** (1 / 3), rng.uniform(0.5, 2, n)


def density_map(atoms_A: np.ndarray, weights: np.ndarray, box_px: int, pixel_size_A: float) -> np.ndarray:
    """Sum of Gaussian atoms at the voxel centres, [z, y, x]."""
    axis = (np.arange(box_px) - box_px // 2) * pixel_size_A
    profile = np.exp(-((axis[:, None, None] - atoms_A) ** 2) / (2 * ATOM_SIGMA_A**2))  # (n, atoms, xyz)
    return np.einsum("a,za,ya,xa->zyx", weights, profile[..., 2], profile[..., 1], profile[..., 0])


def project_atoms(atoms_A, weights, matrices, origins_A, box_px: int, pixel_size_A: float) -> np.ndarray:
    """Exact projections (n, y, x) of the atoms; like RELION's, sums over voxels along z (of ``PIXEL_SIZE_A``), moved by minus the origin."""
    axis = (np.arange(box_px) - box_px // 2) * pixel_size_A
    height = weights * np.sqrt(2 * np.pi) * ATOM_SIGMA_A / PIXEL_SIZE_A
    images = []
    for matrix, origin in zip(matrices, origins_A, strict=True):
        xy = (atoms_A @ matrix.T)[:, :2] - origin
        profile = np.exp(-((axis[:, None, None] - xy) ** 2) / (2 * ATOM_SIGMA_A**2))
        images.append(np.einsum("a,ya,xa->yx", height, profile[..., 1], profile[..., 0]))
    return np.array(images)


def write_mrc(path: Path, data: np.ndarray, pixel_size_A: float) -> None:
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(data.astype(np.float32))
        file.voxel_size = pixel_size_A


def write_star(path: Path, optics: list[dict], particles: list[dict]) -> None:
    """Write a RELION 3.1 STAR file."""
    lines = []
    for name, rows in (("optics", optics), ("particles", particles)):
        lines += ["# version 30001", "", f"data_{name}", "", "loop_", *(f"_{key} #{i}" for i, key in enumerate(rows[0], 1))]
        lines += [" ".join(f"{v:.9g}" if isinstance(v, float) else str(v) for v in row.values()) for row in rows] + ["", ""]
    path.write_text("\n".join(lines))


def optics_row(group: int, box_px: int, pixel_size_A: float, **more) -> dict:
    shape = {"rlnImagePixelSize": pixel_size_A, "rlnImageSize": box_px, "rlnImageDimensionality": 2}
    return {"rlnOpticsGroup": group, "rlnOpticsGroupName": f"opticsGroup{group}", **OPTICS, **shape, **more}


def particle_rows(angles_deg, origins_A, ctf: list[dict], stack: str, group: int = 1) -> list[dict]:
    return [
        {
            "rlnImageName": f"{i + 1:06d}@{stack}",
            "rlnAngleRot": float(a[0]),
            "rlnAngleTilt": float(a[1]),
            "rlnAnglePsi": float(a[2]),
            "rlnOriginXAngst": float(o[0]),
            "rlnOriginYAngst": float(o[1]),
            "rlnOpticsGroup": group,
            **c,
        }
        for i, (a, o, c) in enumerate(zip(angles_deg, origins_A, ctf, strict=True))
    ]


def draw_ctf(n: int, rng: np.random.Generator) -> list[dict]:
    """Astigmatic defoci with phase shifts, B-factors and scales."""
    return [
        {
            "rlnDefocusU": float(rng.uniform(9000, 16000)),
            "rlnDefocusV": float(rng.uniform(9000, 16000)),
            "rlnDefocusAngle": float(rng.uniform(0, 180)),
            "rlnPhaseShift": float(rng.uniform(0, 120)),
            "rlnCtfBfactor": float(rng.uniform(0, 100)),
            "rlnCtfScalefactor": float(rng.uniform(0.6, 1.4)),
        }
        for _ in range(n)
    ]


def run_relion(folder: Path, *command) -> None:
    subprocess.run([str(c) for c in command], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def read(path: Path) -> np.ndarray:
    return mrcfile.read(path).astype(np.float32)


def zernike_list(coefficients: tuple[float, ...]) -> str:
    return "[" + ",".join(f"{c:g}" for c in coefficients) + "]"


def ctf_columns(ctf: list[dict]) -> dict[str, np.ndarray]:
    """CTF parameters as arrays, named as in the STAR file."""
    return {key: np.array([row[key] for row in ctf]) for key in ctf[0]}


def random_angles_deg(n: int, rng: np.random.Generator) -> np.ndarray:
    return np.stack([rng.uniform(-180, 180, n), np.rad2deg(np.arccos(rng.uniform(-1, 1, n))), rng.uniform(-180, 180, n)], axis=1)


def project_with_relion(folder: Path, density: np.ndarray, particles: list[dict], *options, **optics) -> np.ndarray:
    """Run relion_project of a map at the poses (and with the CTF) of a STAR file."""
    write_mrc(folder / "map.mrc", density, PIXEL_SIZE_A)
    write_star(folder / "poses.star", [optics_row(1, len(density), PIXEL_SIZE_A, **optics)], particles)
    run_relion(folder, "relion_project", "--i", "map.mrc", "--ang", "poses.star", "--o", "images", "--angpix", PIXEL_SIZE_A, *options)
    return read(folder / "images.mrcs")


def make_projections(folder: Path, out: Path) -> None:
    """(a), (b): relion_project without CTF, with CTF, and with CTF and even aberrations."""
    rng = np.random.default_rng(SEED)
    atoms, weights = make_atoms(6, 35, rng)
    ctf = draw_ctf(len(ANGLES_DEG), rng)
    density, rows = density_map(atoms, weights, 32, PIXEL_SIZE_A), particle_rows(ANGLES_DEG, ORIGINS_A, ctf, "none.mrcs")
    images = project_with_relion(folder, density, rows)
    images_ctf = project_with_relion(folder, density, rows, "--ctf")
    images_even = project_with_relion(folder, density, rows[:2], "--ctf", rlnEvenZernike=zernike_list(EVEN_ZERNIKE))
    inputs = {"atoms_A": atoms, "weights": weights, "angles_deg": ANGLES_DEG, "origins_A": ORIGINS_A, "even_zernike": EVEN_ZERNIKE}
    np.savez_compressed(out / "projections.npz", images=images, images_ctf=images_ctf, images_even=images_even, **inputs, **ctf_columns(ctf))


def apply_ctf(images: np.ndarray, ctf: list[dict], pixel_size_A: float) -> np.ndarray:
    """Multiply images by sin(chi + phase shift + asin(w)) with B-factor and scale."""
    box = images.shape[-1]
    fy, fx = np.meshgrid(np.fft.fftfreq(box, pixel_size_A), np.fft.rfftfreq(box, pixel_size_A), indexing="ij")
    volts = 1e3 * OPTICS["rlnVoltage"]
    wavelength_A = 12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts))
    f2, result = fx**2 + fy**2, []
    for image, row in zip(images, ctf, strict=True):
        u, v, angle = row["rlnDefocusU"], row["rlnDefocusV"], np.arctan2(fy, fx) - np.deg2rad(row["rlnDefocusAngle"])
        defocus = (u + v) / 2 + (u - v) / 2 * np.cos(2 * angle)
        chi = np.pi * wavelength_A * defocus * f2 - np.pi / 2 * 1e7 * OPTICS["rlnSphericalAberration"] * wavelength_A**3 * f2**2
        value = np.sin(chi + np.deg2rad(row["rlnPhaseShift"]) + np.arcsin(OPTICS["rlnAmplitudeContrast"]))
        value *= row["rlnCtfScalefactor"] * np.exp(-row["rlnCtfBfactor"] / 4 * f2)
        result.append(np.fft.fftshift(np.fft.irfft2(np.fft.rfft2(np.fft.ifftshift(image)) * value, s=(box, box))))
    return np.array(result)


def make_odd_aberrations(folder: Path, out: Path) -> None:
    """Points seen through CTFs, averaged in 2D by relion_reconstruct --ctf: it divides the CTF out and leaves its demodulation factor."""
    rng = np.random.default_rng(SEED + 1)
    n, box = 12, 32
    ctf, zeros = draw_ctf(n, rng), np.zeros((n, 3))
    points = np.zeros((n, box, box))
    points[:, box // 2, box // 2] = 1
    rows = particle_rows(zeros, zeros[:, :2], ctf, "points.mrcs")
    write_mrc(folder / "points.mrcs", apply_ctf(points, ctf, PIXEL_SIZE_A), PIXEL_SIZE_A)
    tilt = {"rlnBeamTiltX": BEAM_TILT_MRAD[0], "rlnBeamTiltY": BEAM_TILT_MRAD[1]}
    variants = {
        "none": {},
        "tilt": tilt,
        "odd": {"rlnOddZernike": zernike_list(ODD_ZERNIKE)},
        "tilt_and_odd": {**tilt, "rlnOddZernike": zernike_list(ODD_ZERNIKE_WITH_TILT)},
    }
    averages = {}
    for name, optics in variants.items():
        write_star(folder / "points.star", [optics_row(1, box, PIXEL_SIZE_A, **optics)], rows)
        run_relion(folder, "relion_reconstruct", "--i", "points.star", "--o", "average.mrc", "--ctf", "--refdim", 2, "--skip_gridding")
        averages[name] = read(folder / "average.mrc").reshape(box, box)
    inputs = {"beam_tilt_mrad": BEAM_TILT_MRAD, "odd_zernike": ODD_ZERNIKE, "odd_zernike_with_tilt": ODD_ZERNIKE_WITH_TILT}
    np.savez_compressed(out / "odd_aberrations.npz", **averages, **inputs)


def make_reconstructions(folder: Path, out: Path) -> None:
    """(c): relion_reconstruct --ctf of exact images; (e): of two optics groups, of 24 px at 4 Å and 30 px at 3.2 Å, without CTF."""
    rng = np.random.default_rng(SEED + 2)
    n = 240
    atoms, weights = make_atoms(6, 24, rng)
    angles, origins, ctf = random_angles_deg(n, rng), rng.normal(0, 4, (n, 2)), draw_ctf(n, rng)
    matrices = euler_to_matrix(angles)

    images = apply_ctf(project_atoms(atoms, weights, matrices, origins, 24, PIXEL_SIZE_A), ctf, PIXEL_SIZE_A)
    write_mrc(folder / "images.mrcs", images, PIXEL_SIZE_A)
    write_star(folder / "images.star", [optics_row(1, 24, PIXEL_SIZE_A)], particle_rows(angles, origins, ctf, "images.mrcs"))
    run_relion(folder, "relion_reconstruct", "--i", "images.star", "--o", "map_ctf.mrc", "--ctf")

    rows, groups = [], [(24, PIXEL_SIZE_A), (30, 3.2)]
    for i, (box, pixel_size_A) in enumerate(groups):
        members = slice(i, n, 2)
        stack = f"group{i + 1}.mrcs"
        write_mrc(folder / stack, project_atoms(atoms, weights, matrices[members], origins[members], box, pixel_size_A), pixel_size_A)
        rows += particle_rows(angles[members], origins[members], ctf[members], stack, i + 1)
    write_star(folder / "groups.star", [optics_row(i + 1, *shape) for i, shape in enumerate(groups)], rows)
    run_relion(folder, "relion_reconstruct", "--i", "groups.star", "--o", "map_groups.mrc")
    maps = {name: read(folder / f"{name}.mrc").astype(np.float16) for name in ("map_ctf", "map_groups")}
    inputs = {"atoms_A": atoms, "weights": weights, "angles_deg": angles, "origins_A": origins}
    np.savez_compressed(out / "reconstructions.npz", **maps, **inputs, **ctf_columns(ctf))


def make_exact_sums(out: Path) -> None:
    """(d): finufft sums over point atoms, even and odd box: sum_a w_a exp(-2 pi i k.(P A x_a - origin) / (n pixel size)), x halved."""
    import finufft

    rng = np.random.default_rng(SEED + 3)
    atoms, weights = make_atoms(6, 35, rng)
    sums = {}
    for box in (32, 33):
        coefficients = []
        for matrix, origin in zip(euler_to_matrix(ANGLES_DEG[4:]), ORIGINS_A[4:], strict=True):
            x, y = 2 * np.pi * np.ascontiguousarray(((atoms @ matrix.T)[:, :2] - origin).T) / (box * PIXEL_SIZE_A)
            full = finufft.nufft2d1(y, x, weights.astype(complex), (box, box), isign=-1, eps=1e-12, modeord=1)
            coefficients.append(full[:, : box // 2 + 1])
        sums[f"box_{box}"] = np.array(coefficients).astype(np.complex64)
    np.savez_compressed(out / "exact_sums.npz", **sums, atoms_A=atoms, weights=weights, angles_deg=ANGLES_DEG[4:], origins_A=ORIGINS_A[4:])


def make_symmetry_operations(out: Path) -> None:
    """(f): the rotations of point groups as relion_refine prints them."""
    groups = {}
    for name in ("C1", "C2", "C5", "D2", "D7", "T", "O", "I", "I1", "I2"):
        command = ["relion_refine", "--sym", name, "--print_symmetry_ops"]
        lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
        starts = [i for i, line in enumerate(lines) if line.strip().startswith("R(")]
        groups[name] = np.array([[line.split() for line in lines[i + 1 : i + 4]] for i in starts], dtype=np.float32)
    np.savez_compressed(out / "symmetry_operations.npz", **groups)


def make_healpix_directions(out: Path) -> None:
    """(g): centres of HEALPix pixels in ring order."""
    centres = {f"n_side_{n_side}": np.stack(healpy.pix2vec(n_side, np.arange(12 * n_side**2)), axis=1) for n_side in (1, 2, 3, 8)}
    np.savez_compressed(out / "healpix_directions.npz", **centres)


def report_odd_boxes(folder: Path) -> None:
    """Print how far RELION displaces projections of a map with an odd box: (1, 1) px, which is why none is kept."""
    atoms, weights = make_atoms(6, 35, np.random.default_rng(SEED))
    ctf = draw_ctf(len(ANGLES_DEG), np.random.default_rng(SEED))
    images = project_with_relion(folder, density_map(atoms, weights, 33, PIXEL_SIZE_A), particle_rows(ANGLES_DEG, ORIGINS_A, ctf, "none.mrcs"))
    exact = project_atoms(atoms, weights, euler_to_matrix(ANGLES_DEG), ORIGINS_A, 33, PIXEL_SIZE_A)
    for image, truth in zip(images, exact, strict=True):
        overlap = np.fft.ifft2(np.fft.fft2(image) * np.fft.fft2(truth).conj()).real
        print("box 33: relion_project is displaced by (y, x) =", [int(i) for i in np.unravel_index(overlap.argmax(), overlap.shape)], "px")


def main() -> None:
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    with tempfile.TemporaryDirectory() as name:
        make_projections(Path(name), out)
        make_odd_aberrations(Path(name), out)
        make_reconstructions(Path(name), out)
        report_odd_boxes(Path(name))
    make_exact_sums(out)
    make_symmetry_operations(out)
    make_healpix_directions(out)


if __name__ == "__main__":
    main()
