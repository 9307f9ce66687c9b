"""What to cite: the papers that methods and networks are from."""

from __future__ import annotations

__all__ = ["METHODS", "NETWORKS", "PAPERS", "SOFTWARE"]

# by key: how a text names the paper, and its entry
PAPERS: dict[str, tuple[str, str]] = {
    "choi2022localbasis": (
        "Choi et al. 2022",
        """@inproceedings{choi2022localbasis,
  title     = {Do Not Escape From the Manifold: Discovering the Local Coordinates on the Latent Space of {GANs}},
  author    = {Choi, Jaewoong and Lee, Junho and Yoon, Changyeon and Park, Jung Ho and Hwang, Geonho and
               Kang, Myungjoo},
  booktitle = {International Conference on Learning Representations},
  year      = {2022}
}""",
    ),
    "zhu2021lowrankgan": (
        "Zhu et al. 2021",
        """@inproceedings{zhu2021lowrankgan,
  title     = {Low-Rank Subspaces in {GANs}},
  author    = {Zhu, Jiapeng and Feng, Ruili and Shen, Yujun and Zhao, Deli and Zha, Zhengjun and Zhou, Jingren and Chen,
               Qifeng},
  booktitle = {Conference on Neural Information Processing Systems},
  year      = {2021}
}""",
    ),
    "pajouheshgar2022lelsd": (
        "Pajouheshgar et al. 2022",
        r"""@inproceedings{pajouheshgar2022lelsd,
  title     = {Optimizing Latent Space Directions for {GAN}-based Local Image Editing},
  author    = {Pajouheshgar, Ehsan and Zhang, Tong and S{\"u}sstrunk, Sabine},
  booktitle = {ICASSP},
  year      = {2022},
  note      = {arXiv:2111.12583}
}""",
    ),
    "li2021dplase": (
        "Li et al. 2021",
        """@inproceedings{li2021dplase,
  title     = {Discovering Density-Preserving Latent Space Walks in {GANs} for Semantic Image Transformations},
  author    = {Li, Guanyue and Liu, Yi and Wei, Xiwen and Zhang, Yang and Wu, Si and Xu, Yong and Wong, Hau-San},
  booktitle = {Proceedings of the 29th ACM International Conference on Multimedia},
  pages     = {1562--1570},
  year      = {2021},
  doi       = {10.1145/3474085.3475293}
}""",
    ),
    "harkonen2020ganspace": (
        "Härkönen et al. 2020",
        r"""@inproceedings{harkonen2020ganspace,
  title     = {{GANSpace}: Discovering Interpretable {GAN} Controls},
  author    = {H{\"a}rk{\"o}nen, Erik and Hertzmann, Aaron and Lehtinen, Jaakko and Paris, Sylvain},
  booktitle = {Conference on Neural Information Processing Systems},
  year      = {2020}
}""",
    ),
    "shen2021sefa": (
        "Shen and Zhou 2021",
        """@inproceedings{shen2021sefa,
  title     = {Closed-Form Factorization of Latent Semantics in {GANs}},
  author    = {Shen, Yujun and Zhou, Bolei},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2021},
  note      = {arXiv:2007.06600}
}""",
    ),
    "bojanowski2018glo": (
        "Bojanowski et al. 2018",
        """@inproceedings{bojanowski2018glo,
  title     = {Optimizing the Latent Space of Generative Networks},
  author    = {Bojanowski, Piotr and Joulin, Armand and Lopez-Paz, David and Szlam, Arthur},
  booktitle = {International Conference on Machine Learning},
  year      = {2018},
  note      = {arXiv:1707.05776}
}""",
    ),
    "karras2018progressive": (
        "Karras et al. 2018",
        """@inproceedings{karras2018progressive,
  title     = {Progressive Growing of {GANs} for Improved Quality, Stability, and Variation},
  author    = {Karras, Tero and Aila, Timo and Laine, Samuli and Lehtinen, Jaakko},
  booktitle = {International Conference on Learning Representations},
  year      = {2018}
}""",
    ),
    "karras2019stylegan": (
        "Karras et al. 2019",
        """@inproceedings{karras2019stylegan,
  title     = {A Style-Based Generator Architecture for Generative Adversarial Networks},
  author    = {Karras, Tero and Laine, Samuli and Aila, Timo},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2019}
}""",
    ),
    "karras2020stylegan2": (
        "Karras et al. 2020",
        """@inproceedings{karras2020stylegan2,
  title     = {Analyzing and Improving the Image Quality of {StyleGAN}},
  author    = {Karras, Tero and Laine, Samuli and Aittala, Miika and Hellsten, Janne and Lehtinen, Jaakko and
               Aila, Timo},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},
  year      = {2020}
}""",
    ),
    "karras2021stylegan3": (
        "Karras et al. 2021",
        r"""@inproceedings{karras2021stylegan3,
  title     = {Alias-Free Generative Adversarial Networks},
  author    = {Karras, Tero and Aittala, Miika and Laine, Samuli and H{\"a}rk{\"o}nen, Erik and Hellsten, Janne and
               Lehtinen, Jaakko and Aila, Timo},
  booktitle = {Conference on Neural Information Processing Systems},
  year      = {2021}
}""",
    ),
    "radford2016dcgan": (
        "Radford et al. 2016",
        """@inproceedings{radford2016dcgan,
  title     = {Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks},
  author    = {Radford, Alec and Metz, Luke and Chintala, Soumith},
  booktitle = {International Conference on Learning Representations},
  year      = {2016}
}""",
    ),
}

# the public function: what to call it, and its paper
METHODS: dict[str, tuple[str, str]] = {
    "local_basis": ("Local Basis", "choi2022localbasis"),
    "low_rank_directions": ("LowRankGAN", "zhu2021lowrankgan"),
    "region": ("LowRankGAN", "zhu2021lowrankgan"),
    "lelsd": ("LELSD", "pajouheshgar2022lelsd"),
    "dp_lase": ("DP-LaSE", "li2021dplase"),
    "feature_directions": ("the first-order variation of DP-LaSE", "li2021dplase"),
    "refine_subspace": ("DP-LaSE", "li2021dplase"),
    "ganspace": ("GANSpace", "harkonen2020ganspace"),
    "sefa": ("SeFa", "shen2021sefa"),
    "random_directions": ("random directions", ""),
}

# the class of a network: what to call it, and its paper
NETWORKS: dict[str, tuple[str, str]] = {
    "StyleGAN1": ("StyleGAN", "karras2019stylegan"),
    "StyleGAN2": ("StyleGAN2", "karras2020stylegan2"),
    "StyleGAN3": ("StyleGAN3", "karras2021stylegan3"),
    "PGGAN": ("ProgressiveGAN", "karras2018progressive"),
    "DCGAN": ("DCGAN", "radford2016dcgan"),
    "BatchDCGAN": ("DCGAN", "radford2016dcgan"),
    "GLONetwork": ("GLO", "bojanowski2018glo"),
}

SOFTWARE = """@software{{latent_widgets,
  title     = {{latent_widgets: see, measure and steer the geometry of a generator's latent space}},
  author    = {{{{latent\\_widgets developers}}}},
  version   = {{{version}}}
}}"""
