"""Which STAR label holds which column of the particle table, and what text a number becomes."""

import numpy as np

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
ORIGIN_A = ("rlnOriginXAngst", "rlnOriginYAngst")
ORIGIN_PX = ("rlnOriginX", "rlnOriginY")  # RELION 3.0
CONSENSUS_ANGLES = ("rlnTriskelionConsensusAngleRot", "rlnTriskelionConsensusAngleTilt", "rlnTriskelionConsensusAnglePsi")
CONSENSUS_ORIGIN_A = ("rlnTriskelionConsensusOriginXAngst", "rlnTriskelionConsensusOriginYAngst")
DEFOCUS = ("rlnDefocusU", "rlnDefocusV")
UID, IMAGE_NAME, HALF_SET, OPTICS_GROUP = "rlnTriskelionUid", "rlnImageName", "rlnRandomSubset", "rlnOpticsGroup"

# column -> (label, "deg" where the file has degrees and the table radians, value where the file says nothing; None: required)
NUMBERS: dict[str, tuple[str, str, float | None]] = {
    "defocus_u_A": ("rlnDefocusU", "", None),
    "defocus_v_A": ("rlnDefocusV", "", None),
    "defocus_angle_rad": ("rlnDefocusAngle", "deg", None),
    "phase_shift_rad": ("rlnPhaseShift", "deg", 0.0),
    "ctf_bfactor_A2": ("rlnCtfBfactor", "", 0.0),
    "ctf_scale": ("rlnCtfScalefactor", "", 1.0),
    "contrast": ("rlnTriskelionContrast", "", 1.0),
}

GROUP_NAME, GROUP_BOX, GROUP_DIMENSIONS = "rlnOpticsGroupName", "rlnImageSize", "rlnImageDimensionality"
PREMULTIPLIED, IMAGE_SIGN = "rlnCtfDataAreCtfPremultiplied", "rlnTriskelionImageSign"
KEPT_MASK = "rlnTriskelionKeptMask"
ORIGINAL_NAME = "rlnImageOriginalName"  # RELION's: the image that a subtracted one was made from
BEAM_TILT = ("rlnBeamTiltX", "rlnBeamTiltY")
MAGNIFICATION = ("rlnMagMat00", "rlnMagMat01", "rlnMagMat10", "rlnMagMat11")
ODD_ZERNIKE, EVEN_ZERNIKE = "rlnOddZernike", "rlnEvenZernike"
# field of OpticsGroup -> label
MICROSCOPE = {
    "pixel_size_A": "rlnImagePixelSize",
    "voltage_kV": "rlnVoltage",
    "cs_mm": "rlnSphericalAberration",
    "amplitude_contrast": "rlnAmplitudeContrast",
}


def format_number(value: float) -> str:
    """Shortest text that reads back as the same float64."""
    return repr(float(value))


def format_numbers(values: np.ndarray) -> np.ndarray:
    """Apply ``format_number`` to each of ``values`` (n,)."""
    return np.array(list(map(repr, values.astype(np.float64).tolist())), dtype=np.str_)


def format_angles_deg(values: np.ndarray) -> np.ndarray:
    """Write angles (n,) to 1e-10 degrees (2e-12 rad): a file that is read and written again keeps its text, whatever the conversions round."""
    return format_numbers(np.round(values, 10) + 0.0)


def format_vector(values) -> str:
    """Write coefficients as RELION does: ``[1.5,0,2]``."""
    return "[" + ",".join(format_number(value) for value in values) + "]"
